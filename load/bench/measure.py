"""One measurement: an empty table, a system that has just started, a load, and what the orders have cost."""
import contextlib
import dataclasses
import re
import shutil
import subprocess
import time
from pathlib import Path

from bench import honest, process
from bench.clients import Figures, unique
from bench.loads import Bench, Closed, Load, Lone
from bench.process import Failure
from bench.scenarios import Scenario
from bench.systems import System, Target

WARM_S = 1.0
OURS = ("ordersd", "before", "fixed", "own-client", "no-store")  # have metrics
SYSCALLS_S = 2
OWN_SHARE = 0.1  # of the machine: so much of other programs makes a figure doubtful


def measure(bench: Bench, scenario: Scenario, system: System, with_syscalls: bool = False) -> Figures:
    bench.database.empty(bench.programs.owner_of(system))
    commits = bench.database.commits()
    with bench.programs.running(system, bench.database.url) as target:
        if target.pid and system.name != "no-store":
            honest.check(target, unique())
        _warm(bench, scenario.load, target)
        figures = _loaded(bench, scenario.load, target)
        if with_syscalls and target.pid:
            figures |= _system_calls(bench, scenario.load, target)
    rows = bench.database.rows()
    figures["commits_per_order"] = (bench.database.commits() - commits) / max(1, rows)
    check(scenario, system, figures, rows)
    return figures


def _warm(bench: Bench, load: Load, target: Target) -> None:
    """Connections, prepared statements, caches: what only a start costs."""
    if target.pid:
        warm = load if isinstance(load, (Closed, Lone)) else Closed()
        warm.run(dataclasses.replace(bench, seconds=WARM_S), target)


def _loaded(bench: Bench, load: Load, target: Target) -> Figures:
    begun, before = time.monotonic(), _spent(bench, target)
    figures = load.run(bench, target)
    spent = {name: value - before[name] for name, value in _spent(bench, target).items()}
    capacity_us = (time.monotonic() - begun) * 1e6 * len(process.os.sched_getaffinity(0))
    orders = max(1.0, figures.pop("all_orders", figures["orders"]))
    own = figures.pop("generator_us")
    known = {"ordersd_us": spent["service"], "postgres_us": spent["postgres"], "generator_us": own}
    figures |= {name: value / orders for name, value in known.items()} | {"all_us": sum(known.values()) / orders}
    figures["others_share"] = max(0.0, spent["machine"] - sum(known.values())) / capacity_us
    figures["stolen_share"] = spent["stolen"] / capacity_us
    if target.pid:
        figures["memory_mib"] = process.peak_mib(target.pid)
    metrics = target.metrics() if target.system.name in OURS else {}
    if groups := metrics.get("ordersd_group_orders_count"):
        figures["group"] = metrics["ordersd_group_orders_sum"] / groups
    return figures


def _spent(bench: Bench, target: Target) -> dict[str, float]:
    busy, stolen = process.machine_us()
    return {"service": process.cpu_us(target.pid) if target.pid else 0, "postgres": process.cpu_us(bench.database.pid),
            "machine": busy, "stolen": stolen}


def _system_calls(bench: Bench, load: Load, target: Target) -> Figures:
    """A short run of its own, because counting costs."""
    if not shutil.which("perf"):
        return {}
    pids = ",".join(map(str, process.tree(target.pid)))
    counter = subprocess.Popen(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", pids], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(0.3)  # perf says nothing when it has begun; what it misses of a run without load is nothing
    orders = load.run(dataclasses.replace(bench, seconds=SYSCALLS_S), target)["orders"]
    counter.send_signal(2)
    found = re.search(r"^(\d+),", counter.communicate(timeout=20)[1], re.MULTILINE)
    return {"syscalls_per_order": int(found[1]) / max(1, orders)} if found else {}


def check(scenario: Scenario, system: System, figures: Figures, rows: int) -> None:
    """A figure counts only if the orders are there."""
    if figures["orders"] == 0:
        raise Failure(f"{scenario.name}: {system.name} acknowledged no order")
    if system.name == "no-store":
        figures.pop("commits_per_order")
        return
    writes_all = not (isinstance(scenario.load, Closed) and scenario.load.mode in ("mixed", "replay"))
    if writes_all and rows < figures["orders"]:
        raise Failure(f"{scenario.name}: {system.name} acknowledged {figures['orders']:.0f} orders, and {rows} are stored")
    wrong = {name: figures[name] for name in ("connect_errors", "read_errors", "write_errors") if figures.get(name)}
    refused = figures.get("refused", 0)
    if refused and scenario.name != "overload":
        wrong["refused"] = refused
    if wrong:
        figures["faults"] = sum(wrong.values())


def doubtful(figures: Figures) -> bool:
    return figures["others_share"] + figures["stolen_share"] > OWN_SHARE


def clean(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
