"""The dashboard: its panels, and what they ask."""
import json

from manual import ROOT

PATH = ROOT / 'docker/grafana/dashboards/ordersd.json'
_DASHBOARD = json.loads(PATH.read_text())
PANELS = [inner for panel in _DASHBOARD['panels'] for inner in [panel, *panel.get('panels', [])]]
VARIABLES = {variable['name'] for variable in _DASHBOARD['templating']['list']} | {'__rate_interval'}


def expressions():
    """[(title, expression)]"""
    notes = [(note['name'], note['expr']) for note in _DASHBOARD['annotations']['list']]
    return [(panel['title'], target['expr']) for panel in PANELS for target in panel.get('targets', [])] + notes
