"""Every alert has a severity, its texts, a page and cases of both kinds; rules name only what docs/METRICS.md has."""
import re
import sys

import yaml

import faults
from faults import bad
from manual import ROOT, complaints, read_manual, series_of

RULES = ROOT / 'docker/prometheus/rules'
INDEX = ROOT / 'docs/runbooks/README.md'
SCRAPE_S = 15
RUNBOOK_URL = "{{ with $externalLabels.ordersd_runbooks }}{{ . }}{{ else }}{{ $externalURL }}/user{{ end }}/%s.md"
HEADINGS = ['## Meaning', '## Who is hurt', '## First look', '## Causes, the likely first', '## Over when']


def rules_of(path):
    return [rule for group in yaml.safe_load(path.read_text())['groups'] for rule in group['rules']]


def check_alert(alert):
    name, texts = alert['alert'], alert.get('annotations', {})
    page = f'docs/runbooks/{name}.md'
    if not name.startswith('Ordersd'):
        bad(name, 'is not of ours by its name')
    if alert.get('labels', {}).get('severity') not in ('critical', 'warning', 'info'):
        bad(name, 'has no severity')
    if not texts.get('summary') or '$value' not in texts.get('description', ''):
        bad(name, 'has no summary, or no description with the value')
    if texts.get('runbook_url') != RUNBOOK_URL % name:
        bad(name, f'has not the runbook_url {RUNBOOK_URL % name}')
    check_page(name, ROOT / page)
    when = ' '.join(alert['expr'].split()).replace('|', '\\|')
    row = f'| [{name}]({name}.md) | {alert["labels"]["severity"]} | `{when}`'
    if f'{row}{" for " + alert["for"] if "for" in alert else ""} |' not in INDEX.read_text().splitlines():
        bad(name, 'is not in docs/runbooks/README.md as it is')


def check_page(name, page):
    if not page.exists():
        return bad(name, 'has no page in docs/runbooks')
    lines = page.read_text().splitlines()
    if lines[0] != f'# {name}' or [line for line in lines if line.startswith('## ')] != HEADINGS:
        bad(name, 'its page has not the headings of the others')
    if len(lines) > 45:
        bad(name, f'its page has {len(lines)} lines')


def check_windows(name, expr):
    for number, unit in re.findall(r'\[(\d+)([smh])\]', expr):
        if int(number) * {'s': 1, 'm': 60, 'h': 3600}[unit] < 4 * SCRAPE_S:
            bad(name, f'[{number}{unit}] is less than four scrapes')


def check_cases(alerts):
    fires, silent = set(), set()
    for path in sorted((ROOT / 'tests/monitoring/alerts').glob('*.yml')):
        for test in yaml.safe_load(path.read_text())['tests']:
            for case in test['alert_rule_test']:
                name = case['alertname']
                (fires if case['exp_alerts'] else silent).add(name)
                if name not in alerts:
                    bad(path.name, f'there is no alert {name}') # or it would be silent for ever
                if not test['name'].startswith(name + ': ' + ('fires' if case['exp_alerts'] else '')):
                    bad(path.name, f'"{test["name"]}" has a case of another alert or kind')
    for name in alerts:
        if name not in fires:
            bad(name, 'no case in which it fires')
        if name not in silent:
            bad(name, 'no case in which it is silent')
    return len(fires) + len(silent)


def main():
    alerts = {rule['alert']: rule for rule in rules_of(RULES / 'alerts.yml')}
    records = {rule['record']: rule for rule in rules_of(RULES / 'recording.yml')}
    series = series_of(read_manual())
    for name, rule in [*alerts.items(), *records.items()]:
        check_windows(name, rule['expr'])
        for why in complaints(rule['expr'], series, records):
            bad(name, why)
    for alert in alerts.values():
        check_alert(alert)
    for page in (ROOT / 'docs/runbooks').glob('*.md'):
        if page.stem not in alerts and page.stem != 'README':
            bad(page.name, 'is the page of no alert')
    check_cases(alerts)
    for config in (ROOT / 'docker/prometheus').glob('*.yml'):
        if yaml.safe_load(config.read_text())['global']['scrape_interval'] != f'{SCRAPE_S}s':
            bad(config.name, f'the rules are made for a scrape every {SCRAPE_S} s')
    print(f'{len(alerts)} alerts and {len(records)} recording rules, {faults.count} complaints')
    sys.exit(faults.count > 0)


main()
