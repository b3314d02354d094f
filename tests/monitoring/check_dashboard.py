"""The dashboard as Grafana wants it, as far as that can be seen without one, and its expressions as docs/METRICS.md has it."""
import re
import sys

import yaml

import faults
from dashboard import PANELS, PATH, VARIABLES, expressions
from faults import bad
from manual import ROOT, complaints, read_manual, series_of


def overlap(a, b):
    return (a['x'] < b['x'] + b['w'] and b['x'] < a['x'] + a['w'] and
            a['y'] < b['y'] + b['h'] and b['y'] < a['y'] + a['h'])


def check_places():
    for i, panel in enumerate(PANELS):
        place = panel['gridPos']
        if min(place.values()) < 0 or place['x'] + place['w'] > 24:
            bad(panel['title'], 'lies outside of the grid')
        for other in PANELS[:i]:
            if overlap(place, other['gridPos']):
                bad(panel['title'], f'lies over {other["title"]}')
    ids = [panel['id'] for panel in PANELS]
    if len(set(ids)) != len(ids):
        bad('panels', 'two have one id')


def check_panel(panel, uid):
    title, targets = panel['title'], panel.get('targets', [])
    if not targets or len({target['refId'] for target in targets}) != len(targets):
        bad(title, 'has no target, or two of one name')
    for datasource in [panel.get('datasource'), *(target.get('datasource') for target in targets)]:
        if datasource != {'type': 'prometheus', 'uid': uid}:
            bad(title, f'asks {datasource}')
    defaults = panel['fieldConfig']['defaults']
    if not panel.get('description') or not defaults.get('unit'):
        bad(title, 'has no description or no unit')
    if defaults['thresholds']['steps'][0]['value'] is not None:
        bad(title, 'its first threshold is not the base')


def check_expressions(recorded):
    series = series_of(read_manual())
    for title, expr in expressions():
        if not expr.strip():
            bad(title, 'an expression is empty')
        for why in complaints(re.sub(r'ALERTS\{[^}]*\}', '', expr), series, recorded):
            bad(title, why)
        for variable in re.findall(r'\$(\w+)', expr):
            if variable not in VARIABLES:
                bad(title, f'there is no ${variable}')
        for window in re.findall(r'\b(?:rate|increase)\([^[]*\[([^]]*)\]', expr):
            if window != '$__rate_interval':
                bad(title, f'its window is [{window}], which no zoom can change')


def main():
    files = ROOT / 'docker/grafana/provisioning'
    [source] = yaml.safe_load((files / 'datasources/prometheus.yml').read_text())['datasources']
    [provider] = yaml.safe_load((files / 'dashboards/ordersd.yml').read_text())['providers']
    compose = yaml.safe_load((ROOT / 'docker/compose.yaml').read_text())['services']
    mounts = [volume.split(':')[:2] for volume in compose['grafana']['volumes']]
    if ['./grafana/dashboards', provider['options']['path']] not in mounts:
        bad('compose.yaml', 'does not mount the dashboards where Grafana looks for them')
    if source['uid'] != 'prometheus' or source['url'] != 'http://prometheus:9090':
        bad('datasource', 'is not the Prometheus of compose.yaml')
    rules = yaml.safe_load((ROOT / 'docker/prometheus/rules/recording.yml').read_text())['groups']
    check_places()
    for panel in PANELS:
        if panel['type'] != 'row':
            check_panel(panel, source['uid'])
    check_expressions({rule['record'] for group in rules for rule in group['rules']})
    print(f'{PATH.name}: {len(PANELS)} panels and rows, {len(expressions())} expressions, {faults.count} complaints')
    sys.exit(faults.count > 0)


main()
