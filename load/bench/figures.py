"""From rounds to one row for each system in a scenario: medians, ratios within rounds, and the table."""
import statistics
from collections.abc import Sequence

from bench.clients import Figures
from bench.measure import doubtful
from bench.plan import Compared
from bench.scenarios import SCENARIOS, Scenario

Row = dict[str, object]


def medians(rounds: Sequence[Figures | None]) -> Figures:
    made = [figures for figures in rounds if figures]
    names = dict.fromkeys(name for figures in made for name in figures)
    return {name: statistics.median(figures[name] for figures in made if name in figures) for name in names}


def ratios(scenario: Scenario, ours: Sequence[Figures | None], theirs: Sequence[Figures | None]) -> list[float]:
    """How many times better ordersd was, in each round that both have."""
    found = []
    for our, their in zip(ours, theirs):
        if our and their and our.get(scenario.figure) and their.get(scenario.figure):
            ratio = our[scenario.figure] / their[scenario.figure]
            found.append(1 / ratio if scenario.fewer else ratio)
    return found


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})" if values else "–"


def row(scenario: Scenario, one: Compared, ordersd: Compared) -> Row:
    middle = medians(one.rounds)
    rates = [figures["orders_per_s"] for figures in one.rounds if figures]
    better = [] if one is ordersd else ratios(scenario, ordersd.rounds, one.rounds)
    return {"scenario": scenario.name, "system": one.system.name, "settings": dict(one.system.settings), "figures": middle,
            "least": min(rates, default=0), "most": max(rates, default=0), "ratio": statistics.median(better) if better else None,
            "ratios": better, "doubtful": sum(bool(figures and doubtful(figures)) for figures in one.rounds),
            "failed": sum(figures is None for figures in one.rounds), "rounds": len(one.rounds)}


def rows(results: dict[str, list[Compared]]) -> list[Row]:
    found = []
    for name, compared in results.items():
        ordersd = compared[0]
        found += [row(SCENARIOS[name], one, ordersd) for one in compared if any(one.rounds)]
    return found


# ---- the table ----

HEAD = ("scenario", "system", "orders/s", "least..most", "ordersd is better by", "p50 ms", "p99 ms", "p99.9 ms",
        "CPU us an order: all", "service", "PostgreSQL", "client", "calls an order", "commits an order", "group", "MiB",
        "noisy", "and")


def number(figures: Figures, name: str, form: str) -> str:
    value = figures.get(name)
    return "–" if value is None else format(value, form)


def note(figures: Figures) -> str:
    """What only some loads have."""
    if "regained" in figures:
        return f"{figures['of_most']:.2f} of the rate while slow, {figures['regained']:.2f} after"
    if "most_per_s" in figures:
        return (f"{figures['of_most']:.2f} of the maximum, {figures['most_per_s']:,.0f}; "
                f"{figures['refused']:,.0f} refused, {figures['unsent']:,.0f} not sent")
    if "p99_alone_ms" in figures:
        return f"alone, p99 was {figures['p99_alone_ms']:.2f} ms; a group takes {figures['group_ms']:.2f} ms"
    return ""


CELLS = (("p50_ms", ".2f"), ("p99_ms", ".2f"), ("p999_ms", ".2f"), ("all_us", ".1f"), ("ordersd_us", ".1f"),
         ("postgres_us", ".1f"), ("generator_us", ".1f"), ("syscalls_per_order", ".2f"), ("commits_per_order", ".3f"),
         ("group", ".1f"), ("memory_mib", ".0f"))


def cells(one: Row) -> list[str]:
    figures = one["figures"]
    return [one["scenario"], one["system"], number(figures, "orders_per_s", ",.0f"),
            f"{one['least']:,.0f}..{one['most']:,.0f}", spread(one["ratios"]),
            *(number(figures, name, form) for name, form in CELLS), f"{one['doubtful']}/{one['rounds']}", note(figures)]


def table(found: Sequence[Row]) -> str:
    """For a terminal."""
    lines = [list(HEAD), *map(cells, found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines)


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))
