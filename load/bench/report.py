"""What a run leaves behind: results.json with every round, report.md, and the plots."""
import json
import time
from collections.abc import Sequence
from pathlib import Path

from bench import plots
from bench.figures import HEAD, Row, cells, markdown, rows
from bench.goals import goals
from bench.plan import Choice, Plan
from bench.scenarios import SCENARIOS
from bench.systems import SYSTEMS

Facts = dict[str, object]

READING = """Each figure is the median over the rounds. "ordersd is better by" compares ordersd with that system within each
round, so that what slows the machine slows both: the median of these ratios, and the least and the most. It compares orders a
second; in `lone` the median latency, in `half-rate` and `beside-*` the 99th percentile, in `overload` the part of the own maximum
that is still acknowledged. Above 1 ordersd is better. A round is noisy if other programs, or the host of this machine, took
more than a tenth of its cores. Latencies of wrk are as wrk corrects them; those of `lone`, `half-rate`, `overload`, `change` and
`beside-*` are measured by order_load, from the intended send time where the rate is constant. Those of bare-* are of whole groups.
For loops without a service (pgbench, bare-*) the processor time of the loop is in the column of the client."""


def as_json(plan: Plan, facts: Facts) -> Facts:
    return {"format": 1, "facts": facts, "failures": plan.failures, "rows": rows(plan.results),
            "rounds": {name: [{"system": one.system.name, "settings": dict(one.system.settings), "rounds": one.rounds}
                              for one in compared] for name, compared in plan.results.items()},
            "choices": [vars(choice) for choice in plan.choices]}


def write(plan: Plan, facts: Facts, folder: Path) -> None:
    found = rows(plan.results)
    (folder / "results.json").write_text(json.dumps(as_json(plan, facts), indent=1) + "\n")
    drawn = plots.draw(found, folder)
    (folder / "report.md").write_text(text(plan, facts, found, drawn))


def text(plan: Plan, facts: Facts, found: Sequence[Row], drawn: Sequence[tuple[str, str]]) -> str:
    parts = [f"# ordersd, measured on {time.strftime('%F', time.gmtime())}", READING, "## The machine", _facts(facts)]
    if plan.failures:
        parts += ["## What failed", "\n".join(f"- {failure}" for failure in plan.failures)]
    if reached := goals(found):
        parts += ["## Goals", markdown(("figure", "measured", "at least, or at most", "wanted"), reached)]
    parts += ["## Figures", markdown(HEAD, [cells(one) for one in found]), "## Scenarios",
              markdown(("scenario", "load"), [(name, SCENARIOS[name].about) for name in plan.results]), "## Systems",
              markdown(("system", "what", "settings"), _systems(found))]
    parts += [f"![{title}]({name})" for name, title in drawn]
    if plan.choices:
        parts += ["## How the settings were chosen", *map(_choice, plan.choices)]
    return "\n\n".join(parts) + "\n"


def _facts(facts: Facts) -> str:
    return markdown(("fact", "value"), [(name, str(value)) for name, value in facts.items()])


def _systems(found: Sequence[Row]) -> list[tuple[str, str, str]]:
    settings: dict[str, dict[str, None]] = {}
    for one in found:
        words = " ".join(f"{name}={value}" for name, value in one["settings"].items()) or "–"
        settings.setdefault(one["system"], {})[words] = None
    return [(name, SYSTEMS[name].about, ", or ".join(all_of)) for name, all_of in settings.items()]


def _choice(choice: Choice) -> str:
    head = f"{choice.system}, in {choice.scenario}: `{_words(choice.best)}` is used."
    fewer = SCENARIOS[choice.scenario].fewer
    ranked = sorted(choice.tried, key=lambda pair: sum(pair[1]) / max(1, len(pair[1])), reverse=not fewer)
    lines = [(_words(settings), ", ".join(f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in values))
             for settings, values in ranked]
    return f"{head}\n\n{markdown(('settings', SCENARIOS[choice.scenario].figure), lines)}"


def _words(settings: object) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())
