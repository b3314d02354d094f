"""panels.py ORDERSD SOCKETS FOLDER: docs/METRICS.md against a live /metrics, both ways; then, of a live Prometheus with
our rules, every expression of the dashboard and every recording rule must return data, and no alert fire."""
import re
import sys
import time

import yaml

import faults
from dashboard import expressions
from faults import bad
from live import SOON_S, Ordersd, Prometheus
from manual import ROOT, read_manual, series_of

IN_WORDS = {"the program's", "the key's name"}  # values that METRICS.md does not list
RESTARTS = 'Restarts'  # the annotation: there are none, and it must only be valid


def read_scrape(text):
    """({metric: type}, {series: {label: {value}}})"""
    kinds = dict(re.findall(r'^# TYPE (\w+) (\w+)$', text, re.M))
    series = {}
    for name, labels in re.findall(r'^(\w+)(?:\{(.*)\})? \S+$', text, re.M):
        have = series.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            have.setdefault(label, set()).add(value)
    return kinds, series


def read_codes():
    """Those of docs/PROBLEMS.md, and several, which a 207 may have."""
    return {'several', *re.findall(r'^\| \d+ \| `(\w+)` \|', (ROOT / 'docs/PROBLEMS.md').read_text(), re.M)}


def compare_with_manual(text):
    kinds, live = read_scrape(text)
    manual = read_manual()
    said = {name: kind for name, (kind, _) in manual.items()}
    for name in kinds.keys() ^ said.keys():
        bad(name, 'is in only one of /metrics and METRICS.md')
    for name in kinds.keys() & said.keys():
        if kinds[name] != said[name]:
            bad(name, f'is a {kinds[name]}, and METRICS.md says {said[name]}')
    series = series_of(manual)
    for name in live.keys() ^ series.keys():
        bad(name, 'is a series of only one of /metrics and METRICS.md')
    for name in live.keys() & series.keys():
        compare_labels(name, live[name], series[name])


def compare_labels(name, live, said):
    if live.keys() != said.keys():
        return bad(name, f'has the labels {sorted(live)}, and METRICS.md says {sorted(said)}')
    for label, values in said.items():
        if values is None or IN_WORDS.issuperset(values):
            continue
        have, told = live[label], {value.strip('"') for value in values}
        # Other codes are there when a key has brought them about.
        may = told | read_codes() if label == 'code' else told
        # What HTTP clients may bring about is not there before they do.
        if not have <= may or not (told <= have or name.startswith('http_server_')):
            bad(name, f'{label}: /metrics has {sorted(have - may)}, and METRICS.md {sorted(told - have)}')


def values(prometheus, expr):
    """More than four scrapes a window, since a busy machine misses some."""
    return prometheus.ask(expr.replace('$__rate_interval', '10s').replace('$instance', '.*'))


def has_data(prometheus, expr):
    return any(value != 'NaN' for value in values(prometheus, expr))


def check_expressions(prometheus):
    rules = yaml.safe_load((ROOT / 'docker/prometheus/rules/recording.yml').read_text())['groups']
    wanted = [(rule['record'], rule['record']) for group in rules for rule in group['rules']]
    wanted += [(title, expr) for title, expr in expressions() if title != RESTARTS]
    end, empty = time.monotonic() + SOON_S, wanted
    while empty and time.monotonic() < end:
        empty = [(title, expr) for title, expr in empty if not has_data(prometheus, expr)]
        time.sleep(0.5 if empty else 0)
    for title, expr in expressions():
        if title == RESTARTS and values(prometheus, expr):
            bad(title, 'there are none')
    for title, expr in empty:
        bad(title, f'no data for {expr}')
    print(f'{len(wanted) - len(empty)} of {len(wanted)} expressions have data')


def check_rules(prometheus):
    rules = [rule for group in prometheus.get('rules')['groups'] for rule in group['rules']]
    for rule in rules:
        if rule['health'] != 'ok':
            bad(rule['name'], f'{rule["health"]}: {rule.get("lastError", "")}')
        if rule.get('state') == 'firing' and rule['labels']['severity'] != 'info':
            bad(rule['name'], f'fires while all is well: {rule["alerts"]}')
    print(f'{len(rules)} rules are evaluated')


def main():
    program, sockets, folder = sys.argv[1:]
    with Ordersd(program, sockets, folder) as ordersd, Prometheus(ordersd.port, folder) as prometheus:
        compare_with_manual(ordersd.get('/metrics'))
        with ordersd.load():
            check_expressions(prometheus)
        prometheus.wait_evaluated()
        check_rules(prometheus)
        compare_with_manual(ordersd.get('/metrics'))
    sys.exit(faults.count > 0)


main()
