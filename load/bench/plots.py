"""The plots of a report, by gnuplot: one small package, and its input is a text that can be read and run again."""
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Row

Point = tuple[float, float]
LATENCIES = ("singles-256", "commit-1-256", "commit-5-256", "network-1-256", "standby-5-256")
STYLE = """set terminal svg size 900,420 font 'sans,12' background rgb 'white'
set output '{name}.svg'
set title '{title}'
set ylabel '{unit}'
set grid ytics
set key outside right
set yrange [0:*]
"""


def gnuplot(folder: Path, name: str, script: str) -> None:
    path = folder / f"{name}.gnuplot"
    path.write_text(script)
    subprocess.run(["gnuplot", path.name], cwd=folder, check=True, timeout=60)


def lines(folder: Path, name: str, title: str, labels: tuple[str, str], series: dict[str, list[Point]],
          logarithmic: bool = False) -> None:
    script = STYLE.format(name=name, title=title, unit=labels[1]) + f"set xlabel '{labels[0]}'\n"
    script += "set logscale x\n" if logarithmic else ""
    for i, points in enumerate(series.values()):
        script += f"$data{i} << END\n" + "".join(f"{x} {y}\n" for x, y in points) + "END\n"
    style = "linespoints pt 7 ps 0.5" if logarithmic else "lines"
    script += "plot " + ", ".join(f"$data{i} with {style} lw 2 title '{label}'" for i, label in enumerate(series)) + "\n"
    gnuplot(folder, name, script)


def bars(folder: Path, name: str, title: str, unit: str, groups: Sequence[str], series: dict[str, list[float]],
         stacked: bool = False) -> None:
    """One cluster, or one stacked bar, for each of `groups`."""
    script = STYLE.format(name=name, title=title, unit=unit)
    script += "set style fill solid 0.8\nset boxwidth 0.85\nset xtics rotate by -25\n"
    script += "set style data histograms\nset style histogram " + ("rowstacked\n" if stacked else "clustered gap 1\n")
    rows = [" ".join([f'"{group}"', *(f"{values[i]:.3f}" for values in series.values())]) for i, group in enumerate(groups)]
    script += "$data << END\n" + "\n".join(rows) + "\nEND\n"
    script += "plot " + ", ".join(f"$data using {i + 2}:xtic(1) title '{label}'" for i, label in enumerate(series)) + "\n"
    gnuplot(folder, name, script)


# ---- what is drawn ----

def draw(found: Sequence[Row], folder: Path) -> list[tuple[str, str]]:
    """Returns the file and the title of each plot."""
    if not shutil.which("gnuplot"):
        return []
    drawn = []
    for plot in (by_connections, by_system, by_cost, by_latency, trace):
        if made := plot(found, folder):
            drawn.append((f"{made[0]}.svg", made[1]))
    return drawn


def value(found: Sequence[Row], scenario: str, system: str, name: str = "orders_per_s") -> float | None:
    return next((one["figures"].get(name) for one in found if one["scenario"] == scenario and one["system"] == system), None)


def systems(found: Sequence[Row], scenarios: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(one["system"] for one in found if one["scenario"] in scenarios))


def by_connections(found: Sequence[Row], folder: Path) -> tuple[str, str] | None:
    crowds = {int(one["scenario"].split("-")[1]) for one in found if one["scenario"].startswith("singles-")}
    title = "Durable single orders by connections"
    series = {}
    for system in ("ordersd", "fixed", "go-batched"):
        points = [(crowd, rate) for crowd in sorted(crowds) if (rate := value(found, f"singles-{crowd}", system))]
        if len(points) > 1:
            series[system] = points
    if not series:
        return None
    lines(folder, "connections", title, ("connections", "orders a second"), series, logarithmic=True)
    return "connections", title


def by_system(found: Sequence[Row], folder: Path) -> tuple[str, str] | None:
    names = systems(found, ["singles-256"])
    if len(names) < 2:
        return None
    title = "Durable single orders, 256 connections (bare-*: groups without a service)"
    rates = [value(found, "singles-256", name) or 0 for name in names]
    bars(folder, "systems", title, "orders a second", names, {"orders/s": rates})
    return "systems", title


def by_cost(found: Sequence[Row], folder: Path) -> tuple[str, str] | None:
    names = systems(found, ["singles-64"])
    title = "Processor time of an order, 64 connections"
    parts = {"service": "ordersd_us", "PostgreSQL": "postgres_us", "client": "generator_us"}
    if not names:
        return None
    bars(folder, "costs", title, "microseconds", names,
         {label: [value(found, "singles-64", name, part) or 0 for name in names] for label, part in parts.items()}, stacked=True)
    return "costs", title


def by_latency(found: Sequence[Row], folder: Path) -> tuple[str, str] | None:
    scenarios = [name for name in LATENCIES if value(found, name, "ordersd")]
    if len(scenarios) < 2:
        return None
    title = "Durable single orders with a slower database, 256 connections"
    names = [name for name in ("ordersd", "fixed", "go-batched") if value(found, scenarios[-1], name)]
    bars(folder, "latency", title, "orders a second", scenarios,
         {name: [value(found, scenario, name) or 0 for scenario in scenarios] for name in names})
    return "latency", title


def trace(found: Sequence[Row], folder: Path) -> tuple[str, str] | None:
    """The last run of each system in which the latency changed; see loads.Change."""
    series = {}
    for system in systems(found, ["change"]):
        paths = sorted((folder / "traces").glob(f"{system}-[0-9]*.txt"), key=lambda path: path.stat().st_mtime)
        pairs = (line.split() for line in paths[-1].read_text().splitlines()) if paths else ()
        series[system] = [(int(ms) / 1000, int(acks) * 10) for ms, acks in pairs]
    if not series:
        return None
    title = "Commits become 5 ms slower for a third of the run"
    lines(folder, "change", title, ("seconds", "orders a second, over 100 ms"), series)
    return "change", title
