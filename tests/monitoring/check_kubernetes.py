"""docker/kubernetes/monitoring: against the kinds of the Prometheus Operator (operator.schema.json), against the Service
and the pods that are to be scraped, and against docker/prometheus. Faults are planted first, and each must be found."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema
import yaml

import faults
from faults import bad
from manual import ROOT

BASE = ROOT / 'docker/kubernetes'
FOLDER = BASE / 'monitoring'
PROMETHEUS = ROOT / 'docker/prometheus'
GENERATOR = ROOT / 'scripts/kubernetes-rules'
FILES = ('monitoring/servicemonitor.yaml', 'monitoring/prometheusrule.yaml')
OTHERS = ('service.yaml', 'deployment.yaml')
DEFINITIONS = json.loads(pathlib.Path(__file__).with_name('operator.schema.json').read_text())['$defs']


def documents(changed='', change=lambda text: text):
    """{file: document}. The text of the file `changed` is changed first."""
    texts = {file: (BASE / file).read_text() for file in FILES + OTHERS}
    return {file: yaml.safe_load(change(text) if file == changed else text) for file, text in texts.items()}


# ---- what is checked ----

def schema_faults(docs):
    for file in FILES:
        kind = docs[file].get('kind')
        if kind not in ('ServiceMonitor', 'PrometheusRule'):
            yield f'{file}: no kind of the operator: {kind}'
            continue
        schema = {'$ref': f'#/$defs/{kind}', '$defs': DEFINITIONS}
        for error in jsonschema.Draft202012Validator(schema).iter_errors(docs[file]):
            yield f'{file}: {".".join(map(str, error.absolute_path))}: {error.message}'


def scrape_faults(docs):
    """Does the ServiceMonitor find the Service's pods, and do the rules find what is scraped?"""
    spec, service = docs[FILES[0]]['spec'], docs['service.yaml']
    labels, ports = service['metadata']['labels'], {port['name']: port for port in service['spec']['ports']}
    pod = docs['deployment.yaml']['spec']['template']
    container_ports = {port['name'] for port in pod['spec']['containers'][0]['ports']}
    selected = spec['selector'].get('matchLabels', {})
    if not selected or not selected.items() <= labels.items():
        yield f'the selector {selected} does not find the Service, whose labels are {labels}'
    job = labels.get(spec.get('jobLabel'), service['metadata']['name'])
    if 'jobLabel' in spec and spec['jobLabel'] not in labels:
        yield f'the Service has no label {spec["jobLabel"]}'
    for wanted in jobs():
        if wanted != job:
            yield f'the rules ask for the job {wanted}, and the ServiceMonitor makes it {job}'
    told = yaml.safe_load((PROMETHEUS / 'prometheus.yml').read_text())['global']
    for endpoint in spec['endpoints']:
        port = ports.get(endpoint.get('port'))
        if port is None or port['targetPort'] not in container_ports:
            yield f'the port {endpoint.get("port")} leads to no port of the pods'
        if endpoint.get('path') != pod['metadata']['annotations']['prometheus.io/path']:
            yield f'the path {endpoint.get("path")} is not that of the annotations in deployment.yaml'
        if (endpoint.get('interval'), endpoint.get('scrapeTimeout')) != (told['scrape_interval'], told['scrape_timeout']):
            yield 'the times of a scrape are not those of docker/prometheus/prometheus.yml'


def jobs():
    """The jobs by which the rules select, and the one that prometheus.yml scrapes."""
    found = {config['job_name'] for config in yaml.safe_load((PROMETHEUS / 'prometheus.yml').read_text())['scrape_configs']}
    for path in (PROMETHEUS / 'rules').glob('*.yml'):
        found.update(re.findall(r'\bjob="([^"]*)"', path.read_text()))
    return sorted(found)


def rule_faults(docs):
    groups = docs[FILES[1]]['spec'].get('groups', [])
    wanted = [group for path in sorted((PROMETHEUS / 'rules').glob('*.yml'))
              for group in yaml.safe_load(path.read_text())['groups']]
    if groups != wanted:
        yield 'the groups of prometheusrule.yaml are not those of docker/prometheus/rules: run scripts/kubernetes-rules'
    names = [group['name'] for group in groups]
    if len(set(names)) != len(names):
        yield f'two groups have one name: {names}'


def kustomization_faults():
    base = yaml.safe_load((BASE / 'kustomization.yaml').read_text())
    own = yaml.safe_load((FOLDER / 'kustomization.yaml').read_text())
    there = {path.name for path in FOLDER.glob('*.yaml')} - {'kustomization.yaml'}
    if set(own['resources']) != there:
        yield f'kustomization.yaml lists {own["resources"]}, and there are {sorted(there)}'
    if own['namespace'] != base['namespace']:
        yield f'the namespace {own["namespace"]} is not that of the Service, {base["namespace"]}'


# ---- planted faults: each must be found by the check that it is meant for ----

PLANTED = [
    (schema_faults, FILES[0], r'kind: ServiceMonitor', 'kind: ServiceMonitors'),
    (schema_faults, FILES[0], r'- port: http', '- ports: http'),
    (schema_faults, FILES[0], r'interval: 15s', 'interval: often'),
    (schema_faults, FILES[0], r'jobLabel: .*', 'jobLabel: 7'),
    (schema_faults, FILES[1], r'for: 1m', 'for: a minute'),
    (schema_faults, FILES[1], r'severity: critical', 'severity: 7'),
    (schema_faults, FILES[1], r'- alert: OrdersdDown', '- alarm: OrdersdDown'),
    (scrape_faults, FILES[0], r'- port: http', '- port: web'),
    (scrape_faults, FILES[0], r'matchLabels:\n +app.kubernetes.io/name: ordersd', 'matchLabels:\n      app: ordersd'),
    (scrape_faults, FILES[0], r'jobLabel: .*', 'jobLabel: app'),
    (scrape_faults, FILES[0], r'interval: 15s', 'interval: 60s'),
    (scrape_faults, FILES[0], r'path: /metrics', 'path: /metric'),
    (scrape_faults, 'service.yaml', r'name: http', 'name: web'),
    (scrape_faults, 'service.yaml', r'labels:\n +app.kubernetes.io/name: ordersd', 'labels:\n    app.kubernetes.io/name: orders'),
    (scrape_faults, 'deployment.yaml', r'- name: http\n', '- name: web\n'),
    (rule_faults, FILES[1], r'for: 1m', 'for: 2m'),
    (rule_faults, FILES[1], r'name: ordersd_pool', 'name: ordersd_orders'),
]


def plant(check, file, pattern, to):
    before = (BASE / file).read_text()
    if not re.search(pattern, before):
        return bad(file, f'nothing there is like {pattern}')
    if not list(check(documents(file, lambda text: re.sub(pattern, to, text, count=1)))):
        bad(file, f'"{to}" is not found to be a fault by {check.__name__}()')


def generates(*args):
    return subprocess.run([GENERATOR, *args], stdout=subprocess.DEVNULL, check=False).returncode == 0


def check_generator():
    if not generates('--check'):
        bad(FILES[1], 'is out of date: run scripts/kubernetes-rules')
    with tempfile.TemporaryDirectory(prefix='ordersd-rules-') as folder:
        copy = pathlib.Path(folder)
        shutil.copytree(PROMETHEUS, copy / 'docker/prometheus')
        shutil.copytree(FOLDER, copy / 'docker/kubernetes/monitoring')
        rules = copy / 'docker/prometheus/rules/alerts.yml'
        rules.write_text(rules.read_text().replace('for: 1m', 'for: 3m', 1))
        if generates('--check', folder):
            bad(GENERATOR.name, 'does not find that a rule has changed')
        if not generates(folder) or not generates('--check', folder):
            bad(GENERATOR.name, 'is not content with what it has written')


def main():
    for planted in PLANTED:
        plant(*planted)
    docs = documents()
    for check in (schema_faults, scrape_faults, rule_faults):
        for why in check(docs):
            bad('docker/kubernetes', why)
    for why in kustomization_faults():
        bad('docker/kubernetes/monitoring', why)
    check_generator()
    print(f'{len(FILES)} files, {len(PLANTED)} planted faults, {faults.count} complaints')
    sys.exit(faults.count > 0)


main()
