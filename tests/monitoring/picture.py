"""picture.py ORDERSD ORDER_LOAD SOCKETS FOLDER: a picture of the dashboard, as FOLDER/dashboard.html. It is drawn from the JSON
of docker/grafana and not by Grafana: a live Prometheus that scrapes ORDERSD is asked for each panel's expressions, and
gnuplot draws the answers. FOLDER/address has the address of the service meanwhile. Run by scripts/screenshots."""
import html
import json
import math
import pathlib
import re
import signal
import subprocess
import sys
import time

import plots
from dashboard import PANELS
from live import Ordersd, Prometheus

PHASES = [(30, 400), (60, 1500), (60, 3000), (40, 1200)]  # seconds, orders a second
CELL, GAP, WIDTH = 24, 6, 1600  # px
PAGE = """<!doctype html><meta charset="utf-8"><title>ordersd</title><style>
body {{ margin: 0; padding: 10px 12px; box-sizing: border-box; width: {width}px; background: #f4f5f5; font: 12px 'DejaVu Sans', sans-serif; color: #24292e; }}
h1 {{ font-size: 17px; margin: 2px 4px 8px; }} h1 small {{ font-size: 12px; font-weight: normal; color: #5a5f66; margin-left: 1em; }}
main {{ display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: {cell}px; column-gap: {gap}px; }}
section {{ background: #fff; border: 1px solid #e0e0e3; margin-bottom: {gap}px; overflow: hidden; position: relative; }}
h2 {{ font-size: 14px; margin: 3px 4px; }} h3 {{ font-size: 12px; margin: 4px 8px 0; height: 16px; }}
img {{ display: block; }} .legend {{ position: absolute; left: 8px; bottom: 2px; height: 15px; overflow: hidden; font-size: 11px; }}
.legend span {{ margin-right: 1em; white-space: nowrap; }} .legend i {{ display: inline-block; width: 12px; height: 3px; margin: 0 4px 3px 0; }}
.stat {{ color: #fff; }} .stat p {{ font-size: 25px; text-align: center; margin: 14px 0; }} th, td {{ text-align: left; padding: 4px 8px; }}
</style><h1>ordersd <small>drawn from docker/grafana/dashboards/ordersd.json by scripts/screenshots, not by Grafana</small></h1><main>{panels}</main>
"""


def number(text):
    value = float(text)
    return math.nan if math.isinf(value) else value


def query(target):
    return target['expr'].replace('$__rate_interval', '10s').replace('$instance', '.*')


def legend_of(target, labels):
    return re.sub(r'\{\{(\w+)\}\}', lambda match: labels.get(match[1], ''), target['legendFormat'])


def series_of(prometheus, panel, span):
    """[(legend, [(time, value)])]"""
    series = []
    for target in panel['targets']:
        found = prometheus.get('query_range', query=query(target), start=span[0], end=span[1], step=1)['result']
        series += [(legend_of(target, one['metric']), [(at, number(value)) for at, value in one['values']]) for one in found]
    return series


# ---- a panel as HTML ----

def amount(value, unit, decimals=None):
    if unit == 'percentunit':
        return f'{value * 100:.{1 if decimals is None else max(decimals, 0)}f} %'
    if unit == 's':
        return f'{value * 1000:.1f} ms' if value < 1 else f'{value:.2f} s'
    return f'{value:,.0f}' + ('/s' if unit == 'ops' else '')


def stat(prometheus, panel):
    defaults = panel['fieldConfig']['defaults']
    [answer] = prometheus.ask(query(panel['targets'][0]))
    value = float(answer)
    words = {key: mapped for mapping in defaults['mappings'] for key, mapped in mapping['options'].items()}
    text = words[answer]['text'] if answer in words else amount(value, defaults['unit'], defaults.get('decimals'))
    colour = [step['color'] for step in defaults['thresholds']['steps'] if step['value'] is None or value >= step['value']][-1]
    return f'<p>{html.escape(text)}</p>', f' class="stat" style="background: {plots.SHADES[colour]}; {{place}}"'


def table(prometheus, panel):
    hidden = panel['transformations'][0]['options']['excludeByName']
    rows = [row['metric'] for row in prometheus.get('query', query=query(panel['targets'][0]))['result']]
    names = sorted(name for name in rows[0] if name not in hidden)
    lines = [''.join(f'<th>{name}</th>' for name in names), *(''.join(f'<td>{html.escape(row[name])}</td>' for name in names) for row in rows)]
    return '<table>' + ''.join(f'<tr>{line}</tr>' for line in lines) + '</table>'


def drawing(prometheus, panel, span, folder):
    place = panel['gridPos']
    size = (round((WIDTH - 24 + GAP) / 24 * place['w']) - GAP - 4, place['h'] * CELL - GAP - 42)
    series, name = series_of(prometheus, panel, span), f'panel-{panel["id"]}'
    if not series:
        return '<p>No data</p>'
    if panel['type'] == 'heatmap':
        legend = plots.heatmap(folder, name, series, span, size)
    else:
        legend = plots.lines(folder, name, panel, series, span, size)
    words = ''.join(f'<span><i style="background: {colour}"></i>{html.escape(text)}</span>' for colour, text in legend)
    return f'<img src="{name}.svg" width="{size[0]}" height="{size[1]}"><div class="legend">{words}</div>'


def section(prometheus, panel, span, folder):
    at = panel['gridPos']
    place = f'grid-area: {at["y"] + 1} / {at["x"] + 1} / span {at["h"]} / span {at["w"]}'
    title = html.escape(panel['title'])
    if panel['type'] == 'row':
        return f'<h2 style="{place}">{title}</h2>'
    attributes = ' style="{place}"'
    if panel['type'] == 'stat':
        inside, attributes = stat(prometheus, panel)
    elif panel['type'] == 'table':
        inside = table(prometheus, panel)
    else:
        inside = drawing(prometheus, panel, span, folder)
    return f'<section{attributes.format(place=place)}><h3>{title}</h3>{inside}</section>'


def load(program, port):
    for seconds, rate in PHASES:
        command = [program, '--url', f'http://127.0.0.1:{port}', '--seconds', str(seconds), '--rate', str(rate), '--retry', '--json']
        print(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout), flush=True)


def main():
    program, order_load, sockets, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and ends what it has started
    with Ordersd(program, sockets, folder) as ordersd, Prometheus(ordersd.port, folder) as prometheus:
        (folder / 'address').write_text(f'http://127.0.0.1:{ordersd.port}/')
        begin = int(time.time())
        with ordersd.load():  # lookups, replays and faulty orders too
            load(order_load, ordersd.port)
            span = begin, int(time.time())
            panels = ''.join(section(prometheus, panel, span, folder) for panel in PANELS)
    (folder / 'dashboard.html').write_text(PAGE.format(width=WIDTH, cell=CELL, gap=GAP, panels=panels))


main()
