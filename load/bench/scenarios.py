"""The scenarios: a load, the conditions of the database, and what is measured beside ordersd."""
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.loads import Bench, Beside, Change, Closed, Load, Lone, Steady
from bench.systems import Settings

HTTP = ("go-single", "go-batched", "node-single", "node-batched", "fastapi")
CROWDS = (4, 16, 64, 256, 1000)
BARE = ("bare-100", "bare-500", "bare-most")


@dataclass(frozen=True)
class Scenario:
    """`figure` is what systems are compared by; `fewer`: less of it is better."""
    name: str
    about: str
    load: Load
    against: tuple[str, ...] = ("go-batched",)
    figure: str = "orders_per_s"
    commit_ms: float | None = None   # a trigger delays each statement; 0: the trigger is there
    network_ms: float = 0
    standby_ms: float = 0            # a synchronous standby, so far away
    settings: Settings = field(default_factory=dict)  # of ordersd
    syscalls: bool = False           # a short run more counts system calls

    @property
    def fewer(self) -> bool:
        return self.figure.endswith("_ms")

    @contextlib.contextmanager
    def conditions(self, bench: Bench) -> Iterator[None]:
        database, gate = bench.database, bench.programs.load("delay_gate")
        with contextlib.ExitStack() as stack:
            if self.commit_ms is not None:
                stack.enter_context(database.slow_commits(self.commit_ms))
            if self.network_ms:
                stack.enter_context(database.slow_network(self.network_ms, gate))
            if self.standby_ms:
                stack.enter_context(database.synchronous_standby(self.standby_ms, gate))
            yield


def _singles(connections: int, *against: str, syscalls: bool = False) -> Scenario:
    return Scenario(f"singles-{connections}", f"one order a request, {connections} connections",
                    Closed(connections=connections), against, syscalls=syscalls)


def _batches(n: int, connections: int, *against: str) -> Scenario:
    return Scenario(f"batch-{n}", f"{n} orders a request, {connections} connections", Closed("batch", n, connections),
                    against, syscalls=n == 100)


def _slower(name: str, about: str, **conditions: float) -> tuple[Scenario, ...]:
    """A slower database, by numbers of connections."""
    return tuple(Scenario(f"{name}-{connections}", f"{about}, {connections} connections", Closed(connections=connections),
                          ("fixed", "go-batched") if connections == 256 else ("fixed",), **conditions) for connections in CROWDS)


def _beside(about: str, load: Beside) -> Scenario:
    return Scenario(f"beside-{load.neighbour}", about, load, (), "p99_ms")


SCENARIOS = {scenario.name: scenario for scenario in (
    _singles(1, "go-batched"),
    _singles(4, "fixed", "go-batched"),
    _singles(16, "fixed", "go-batched"),
    _singles(64, "fixed", "own-client", *HTTP, "pgbench", "no-store", *BARE, syscalls=True),
    _singles(256, "fixed", *HTTP, "pgbench", "no-store", *BARE),
    _singles(1000, "fixed", "go-batched", "no-store"),
    _singles(5000, "fixed", "go-batched", "no-store"),
    _batches(10, 64, "fixed", "no-store"),
    _batches(100, 16, "fixed", "no-store", *BARE),
    _batches(500, 8, "fixed", "no-store", *BARE),
    _batches(5000, 4, "fixed", "no-store"),
    Scenario("mixed", "half of the requests look an order up, 64 connections", Closed("mixed", 50), ("fixed",)),
    Scenario("hot-account", "all orders of one account, 256 connections", Closed("hot", 0, 256)),
    Scenario("replays", "nine of ten requests repeat an order, 64 connections", Closed("replay", 90)),
    Scenario("lone", "one client alone", Lone(), ("bare-1", "go-single", "pgbench"), "p50_ms"),
    Scenario("half-rate", "a constant rate, half of the own maximum", Steady(), ("fixed", "go-batched", "go-single"), "p99_ms"),
    # The database is the bottleneck: commits 5 ms slower, two groups of 50 at a time.
    Scenario("overload", "twice the own maximum, which the database sets; orders wait for 100 ms at most", Steady(2, 5000, 256, 10),
             (), "of_most", commit_ms=5,
             settings={"ORDERS_WORKERS": "2", "ORDERS_GROUP_MAX": "50", "ORDERS_QUEUE_WAIT_MAX": "100ms"}),
    *_slower("commit-1", "a trigger sleeps 1 ms before each commit", commit_ms=1),
    *_slower("commit-5", "a trigger sleeps 5 ms before each commit", commit_ms=5),
    *_slower("network-1", "round trips to the database 1 ms longer", network_ms=1),
    *_slower("standby-5", "a synchronous standby 5 ms away", standby_ms=5),
    Scenario("change", "commits 5 ms slower in the second third of a run, 256 connections", Change(), ("fixed", "go-batched"),
             commit_ms=0),
    _beside("300 orders/s beside 4 connections that post batches of 5,000", Beside("batch", 4)),
    _beside("300 orders/s beside 4 connections that post 64 MiB of zeros as gzip", Beside("bomb", 4)),
    _beside("300 orders/s beside 500 connections that send a byte a second", Beside("drip", 500)),
    _beside("batches of 100 beside 64 connections that post 4 MiB as 4 kB of gzip", Beside("gzip", 64, True)),
    _beside("batches of 100 beside 64 connections that post 330,000 unknown members", Beside("members", 64, True)),
    _beside("batches of 100 beside the same members in batches, 60 KiB an order", Beside("documents", 64, True)),
)}

QUICK = ("singles-64", "batch-100")
