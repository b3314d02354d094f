"""Kinds of load. Each runs against one system and returns its figures; the costs are taken around it (measure.py)."""
import json
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from bench import clients
from bench.clients import Figures
from bench.postgres import Database
from bench.process import Child, children_us, until
from bench.systems import Programs, Target


def mean_of(histogram: str, before: dict[str, float], after: dict[str, float]) -> float:
    """The mean of what a histogram of the pool has seen between the two scrapes of /metrics."""
    total, count = (after[name] - before[name] for name in (f'{histogram}_sum{{pool="main"}}', f'{histogram}_count{{pool="main"}}'))
    return total / count if count else 0


@dataclass
class Bench:
    """What a measurement needs."""
    programs: Programs
    database: Database
    seconds: float
    folder: Path  # of the report: traces


@dataclass(frozen=True)
class Closed:
    """Each connection sends its next request when it has its answer."""
    mode: str = "single"
    n: int = 0
    connections: int = 64

    def run(self, bench: Bench, target: Target) -> Figures:
        settings = target.system.settings
        if target.system.kind == "pgbench":
            return clients.pgbench(bench.programs, target, int(settings["CLIENTS"]), bench.seconds)
        if target.system.kind == "bare":
            return clients.bare(bench.programs, target, bench.seconds)
        if target.system.name == "own-client":
            return clients.order_load(bench.programs, target, self.connections, bench.seconds)
        dialling_s = self.connections / 1000  # wrk has no figures without it
        return clients.wrk(target, self.mode, self.n, self.connections, bench.seconds + dialling_s)


@dataclass(frozen=True)
class Lone:
    """One client alone: the latency of a commit, with nothing to share it."""

    def run(self, bench: Bench, target: Target) -> Figures:
        if target.system.kind == "pgbench":
            return clients.pgbench(bench.programs, target, 1, bench.seconds)
        if target.system.kind == "bare":
            return clients.bare(bench.programs, target, bench.seconds)
        return clients.order_load(bench.programs, target, 1, bench.seconds)


@dataclass(frozen=True)
class Steady:
    """A constant rate: a part of the most that this system takes, which is measured just before."""
    part: float = 0.5
    connections: int = 64
    most_connections: int = 64
    least_s: float = 0  # so that the first answers, which come late, are a small part

    def run(self, bench: Bench, target: Target) -> Figures:
        if target.system.kind != "service":
            return {}
        most = clients.order_load(bench.programs, target, self.most_connections, max(2, bench.seconds / 2))
        figures = clients.order_load(bench.programs, target, self.connections, max(self.least_s, bench.seconds),
                                     self.part * most["orders_per_s"])
        return figures | {"most_per_s": most["orders_per_s"], "of_most": figures["orders_per_s"] / most["orders_per_s"],
                          "all_orders": figures["orders"] + most["orders"],
                          "generator_us": figures["generator_us"] + most["generator_us"]}


@dataclass(frozen=True)
class Beside:
    """Other clients at a low constant rate beside a noisy neighbour, after they were alone for as long."""
    neighbour: str
    crowd: int
    batches: bool = False  # the victim posts batches of 100 instead of single orders
    rate: float = 300
    least_s: float = 4      # the pace has learned by then how few groups are best beside batches

    def _victim(self, bench: Bench, target: Target) -> Figures:
        if self.batches:
            return clients.stranger(bench.programs, target, bench.seconds)
        return clients.order_load(bench.programs, target, 64, bench.seconds, self.rate)

    def run(self, bench: Bench, target: Target) -> Figures:
        bench = replace(bench, seconds=max(self.least_s, bench.seconds))
        spent_us = children_us()
        alone = self._victim(bench, target)
        before = target.metrics()
        log = bench.programs.logs / f"neighbour-{self.neighbour}-{target.pid}.log"
        crowd = Child([bench.programs.load("neighbour"), self.neighbour, "--url", target.base, "--connections", str(self.crowd),
                       "--seconds", str(round(bench.seconds) + 2)], log)
        try:
            until(lambda: "ready" in log.read_text(), f"neighbour {self.neighbour} begins")
            beside = self._victim(bench, target)
            until(lambda: not crowd.alive(), f"neighbour {self.neighbour} ends")
        finally:
            crowd.stop()
        theirs = json.loads(log.read_text().splitlines()[-1])
        group_ms = 1000 * mean_of("ordersd_pool_hold_duration_seconds", before, target.metrics())
        return beside | {"p99_alone_ms": alone["p99_ms"], "of_alone": beside["p99_ms"] / alone["p99_ms"],
                         "their_requests": theirs["requests"], "group_ms": group_ms, "all_orders": beside["orders"] + alone["orders"],
                         "generator_us": children_us() - spent_us}


@dataclass(frozen=True)
class Change:
    """The latency of commits goes up in the second third of a run, and down again in the last."""
    ms: float = 5
    connections: int = 256

    def run(self, bench: Bench, target: Target) -> Figures:
        third = max(1, round(bench.seconds / 2))
        trace = bench.folder / "traces" / f"{target.system.name}-{target.pid}.txt"
        trace.parent.mkdir(exist_ok=True)
        timers = [threading.Timer(third, bench.database.set_commit_latency, (self.ms,)),
                  threading.Timer(2 * third, bench.database.set_commit_latency, (0,))]
        for timer in timers:
            timer.start()
        figures = clients.order_load(bench.programs, target, self.connections, 3 * third, trace=trace)
        for timer in timers:
            timer.join()
        points = [int(line.split()[1]) for line in trace.read_text().splitlines()]
        parts = [points[i * third * 10:(i + 1) * third * 10] for i in range(3)]
        before, slow, after = (sum(part) / max(1, len(part)) * 10 for part in parts)
        return figures | {"before_per_s": before, "slow_per_s": slow, "after_per_s": after,
                          "of_most": slow / before, "regained": after / before}


Load = Closed | Lone | Steady | Beside | Change
