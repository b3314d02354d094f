"""What the tests of this folder measure: percentiles, samples of a process, and the answers of the health checks."""
import asyncio
import json
import math
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from chaos import clock

MIB = 1 << 20


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that `percent` % of all values do not exceed; NaN of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Sample:
    """One moment of one replica. `clients` and `database` are its connections to either side."""

    at: float
    replica: int
    rss: int
    fds: int
    threads: int
    clients: int
    database: int

    @classmethod
    async def take(cls, service) -> "Sample":
        metrics = await service.metrics(timeout_s=20)
        return cls(at=clock.now(), replica=service.index, rss=service.rss(), fds=service.fds(),
                   threads=service.threads(), clients=int(metrics["http_server_open_connections"]),
                   database=int(metrics['ordersd_pool_connections{pool="main",state="total"}']))


def describe(sample: Sample) -> str:
    return (f"{sample.rss / MIB:.0f} MiB, {sample.fds} descriptors, {sample.threads} threads, "
            f"{sample.clients} client and {sample.database} database connections")


@dataclass
class Probes:
    """The answers that probe.py has had, by path."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, dict[int | None, int]] = field(default_factory=dict)

    def add(self, line: bytes) -> None:
        answer = json.loads(line)
        by_status = self.statuses.setdefault(answer["path"], {})
        by_status[answer["status"]] = by_status.get(answer["status"], 0) + 1
        self.seconds.setdefault(answer["path"], []).append(answer["seconds"])

    def unanswered(self) -> int:
        return sum(by_status.get(None, 0) for by_status in self.statuses.values())

    def report(self) -> list[str]:
        return [f"{path}: {len(seconds)} asked, p50 {percentile(seconds, 50) * 1000:.1f} ms, "
                f"p99 {percentile(seconds, 99) * 1000:.1f} ms, worst {max(seconds) * 1000:.1f} ms, "
                + ", ".join(f"{count} x {status or 'no answer'}" for status, count in self.statuses[path].items())
                for path, seconds in sorted(self.seconds.items())]


async def probing(port: int, work: Awaitable) -> Probes:
    """Asks the health checks while `work` goes on."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chaos.lifecycle.probe", str(port),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    probes = Probes()

    async def read() -> None:
        while line := await child.stdout.readline():
            probes.add(line)

    reader = asyncio.create_task(read())
    try:
        await work
    finally:
        child.stdin.close()
        await asyncio.wait_for(child.wait(), 30)
        await reader
    return probes


async def every(seconds: float, take: Callable[[], Awaitable[None]]) -> None:
    """Calls `take` until it is cancelled. A turn that takes longer than `seconds` is followed by the next one at
    once."""
    due = clock.now()
    while True:
        await take()
        due = max(due + seconds, clock.now())
        await asyncio.sleep(due - clock.now())


def machine() -> str:
    """Where the figures come from, in one line."""
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    debian = pathlib.Path("/etc/debian_version")
    system = f"Debian {debian.read_text().strip()}" if debian.exists() else platform.system()
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    load = os.getloadavg()[1]  # other work on the machine shows here
    return (f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {system}, Linux {platform.release()}, {compiler}, "
            f"load average {load:.0f}")
