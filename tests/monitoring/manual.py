"""docs/METRICS.md as data, and what an expression in PromQL asks of it."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = re.compile(r'\b(?:ordersd|process|http_server)_\w+')
SUFFIXES = {'histogram': ('_bucket', '_sum', '_count')}
GIVEN = {'job', 'instance'}  # by Prometheus to everything
OF_PROMETHEUS = {'up', 'ALERTS'}


def read_manual():
    """{metric: (type, {label: [value]})}"""
    manual = {}
    for line in (ROOT / 'docs/METRICS.md').read_text().splitlines():
        row = re.match(r'\| `(\w+)` \| (\w+) \| (.*?) \| ', line)
        if row:
            name, kind, labels = row.groups()
            manual[name] = kind, dict(
                (label, values.split(', ')) for label, values in re.findall(r'`(\w+)`: (.*?)(?:; |$)', labels))
    return manual


def series_of(manual):
    """{series: {label: [value]}}: a histogram's three by their own names."""
    out = {}
    for name, (kind, labels) in manual.items():
        for suffix in SUFFIXES.get(kind, ('',)):
            out[name + suffix] = dict(labels, le=None) if suffix == '_bucket' else labels
    return out


def complaints(expr, series, recorded):
    """What the expression names and nobody has. recorded: the names of recording rules."""
    bad, known = [], set(GIVEN) | {'le'}
    bare = re.sub(r'"[^"]*"', '""', expr)
    for name in re.findall(r'\b\w+:[\w:]+', bare):
        if name not in recorded:
            bad.append(f'no rule records {name}')
        known |= {'result'} if name.startswith('instance_result:') else set()
    for name in OURS.findall(re.sub(r'\b\w+:[\w:]+', '', bare)):
        if name not in series:
            bad.append(f'METRICS.md has no {name}')
        known |= set(series.get(name, ()))
    for name, matchers in re.findall(r'([\w:]+)\s*\{([^}]*(?:\{[^}]*\}[^}]*)*)\}', expr):
        bad += [f'{name}: {why}' for why in judge(matchers, labels_of(name, series))]
    for words in re.findall(r'\b(?:by|without|on|ignoring)\s*\(([^)]*)\)', bare):
        bad += [f'no label {label}' for label in re.findall(r'\w+', words) if label not in known]
    return bad


def labels_of(name, series):
    if name.startswith('instance_result:'):
        return {'result': series['ordersd_orders_total']['result']}
    return series.get(name, {})


def judge(matchers, labels):
    """label="value" must be a value that there is, and label=~"pattern" match one; of a|b, each one."""
    for label, sign, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers):
        if label in GIVEN:
            continue
        if label not in labels:
            yield f'no label {label}'
            continue
        for part in value.split('|') if '~' in sign else [re.escape(value)]:
            if not any(re.fullmatch(part, have) for have in labels[label]):
                yield f'no {label} is {part}'
