"""At rest, when no request is under way: every gauge, descriptor, thread and connection is back where it was, and the
counters of ordersd agree with what its clients counted."""
import asyncio
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chaos import clock, descriptors
from chaos.findings import Violation, violation
from chaos.history import ANSWERED, CREATED, REPLAYED, REUSED, UNKNOWN, WRITES, History, Request
from chaos.world import World

Labels = Mapping[str, str]

# Gauges that are 0 when nothing is under way.
ZERO = ("ordersd_queue_depth", "ordersd_queue_bytes", "ordersd_queue_oldest_age_seconds", "ordersd_client_memory_bytes",
        "ordersd_pool_waiting_requests", "ordersd_pool_down", "ordersd_pool_orphaned_backends",
        "http_server_offloaded_requests", 'ordersd_workers{state="busy"}',
        *(f'ordersd_pool_connections{{state="{state}"}}' for state in (
            "active", "leased", "checking", "resetting", "canceling", "connecting", "closing")))
POOL = 'ordersd_pool_connections{state="total"}'
PROBES = 2  # connections of the driver itself while it reads the figures: the scrape, and a balancer's check
IDLE = os.cpu_count() or 1  # HAProxy keeps one idle connection in each of its threads, one a core
FDS_SLACK = 4
REST_S = 30.0      # within that long all must be back
HAND_OVER_S = 30.0  # for so long after a process has started, the one before it may still answer
COUNTED = {CREATED: "created", REPLAYED: "replayed", REUSED: "reused"}
ROUTES = {"single": ("/v1/orders", "POST"), "validate": ("/v1/orders", "POST"), "batch": ("/v1/orders/batch", "POST"),
          "atomic": ("/v1/orders/batch", "POST"), "get": ("", "GET")}
LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass
class Figures:
    """Of one replica at one moment of rest."""
    at: float
    replica: str
    pid: int
    began: float  # by the driver's clock: that of the process may have been stepped
    fds: int
    threads: int
    rss: int
    metrics: dict[str, float] = field(default_factory=dict)  # "name{labels}" -> value, as /metrics has it
    descriptors: Counter[str] = field(default_factory=Counter)  # by kind

    def sum(self, metric: str, **labels: str) -> float:
        """Of all series of that name that have these labels."""
        return sum(value for name, has, value in self._series(metric) if labels.items() <= has.items())

    def _series(self, metric: str) -> Iterator[tuple[str, Labels, float]]:
        for series, value in self.metrics.items():
            name, _, labels = series.partition("{")
            if name == metric:
                yield name, dict(LABEL.findall(labels)), value

    def gauge(self, series: str) -> float:
        """Not a number if there is no such series: then no comparison is true."""
        name, _, labels = series.partition("{")
        wanted = dict(LABEL.findall(labels)).items()
        values = [value for _, has, value in self._series(name) if wanted <= has.items()]
        return sum(values) if values else math.nan


@dataclass
class Baseline:
    figures: list[Figures]
    rows: int


async def before(world: World) -> Baseline:
    """Before the load, when every replica is ready and rests."""
    return Baseline(await _read(world), len(await world.rows()))


async def check(world: World, history: History, baseline: Baseline, first: Baseline | None = None,
                rss_growth_max: int | None = None) -> list[Violation]:
    """After the load, when the clients have gone and every fault is healed. `first`: an earlier baseline, from which
    nothing may have grown; without it that is the baseline."""
    deadline, since = clock.now() + REST_S, (first or baseline).figures
    while True:
        figures = await _read(world)
        found = [v for was, is_ in zip(since, figures) for v in check_rest(was, is_, rss_growth_max)]
        if not found or clock.now() >= deadline:
            break
        await asyncio.sleep(0.25)
    for was, is_ in zip(baseline.figures, figures):
        found += check_counts(history, was if was.pid == is_.pid else None, is_)
    if replaced := [is_.replica for was, is_ in zip(baseline.figures, figures) if was.pid != is_.pid]:
        world.note(f"rows against counters: at least the rows that are counted; {', '.join(replaced)} began anew, and "
                   "what processes had counted before that is gone")
    return found + check_table_growth(baseline.figures, figures, baseline.rows, len(await world.rows()))


async def _read(world: World) -> list[Figures]:
    return [Figures(clock.now(), service.name, service.pid, service.began, service.fds(), service.threads(),
                    service.rss(), await service.metrics(), descriptors.kinds(service.pid))
            for service in world.replicas]


# ---- back where it was ----

def check_rest(before: Figures | None, after: Figures, rss_growth_max: int | None = None) -> list[Violation]:
    """`before`: at rest before the load, of the same process or of an earlier one of the same replica."""
    most = {**dict.fromkeys(ZERO, 0.0), "http_server_open_connections": PROBES + IDLE,
            "http_server_active_requests": PROBES, POOL: after.gauge("ordersd_pool_connections_max")}
    found = [f"{series} is {after.gauge(series):g}, and at most {limit:g} at rest" for series, limit in most.items()
             if not after.gauge(series) <= limit]
    if after.gauge("ordersd_ready") != 1:
        found.append("ordersd_ready is not 1")
    if before is not None:
        found += _grown(before, after, rss_growth_max)
    return [violation("rest", after.at, f"{after.replica} (pid {after.pid}): {text}") for text in found]


def _grown(before: Figures, after: Figures, rss_growth_max: int | None) -> Iterator[str]:
    if _own_fds(after) > _own_fds(before) + FDS_SLACK:
        more = ", ".join(f"{count} more {kind}" for kind, count in (after.descriptors - before.descriptors).items())
        yield (f"{after.fds} descriptors, {_own_fds(after)} of them no connection; "
               f"before {before.fds} and {_own_fds(before)}: {more}")
    if after.threads > before.threads:
        yield f"{after.threads} threads, before {before.threads}"
    if rss_growth_max is not None and after.rss > before.rss + rss_growth_max:
        yield f"{after.rss >> 20} MiB resident, before {before.rss >> 20} MiB"


def _own_fds(figures: Figures) -> int:
    """Descriptors that are neither a client's connection nor one of the pool, whose number may differ. A connection of
    the pool has two: libpq's, and a duplicate by which the pool watches it."""
    return int(figures.fds - figures.sum("http_server_open_connections")
               - 2 * figures.sum("ordersd_pool_connections", state="total"))


# ---- metrics against what the clients counted ----

def check_counts(history: History, before: Figures | None, after: Figures) -> list[Violation]:
    """Of one replica. `before`: of the same process; None: since the process started, at which its counters were 0.

    Answers that came are a lower bound; those that it may have given besides, or to nobody, make the upper one.
    """
    since = before.at if before is not None else after.began
    sure_since = since if before is not None else since + HAND_OVER_S
    answered, perhaps = [], []
    for request in history.requests:
        if request.ended < since or request.began > after.at:
            continue
        if request.replica not in (after.replica, None):
            continue
        sure = request.replica is not None and request.began >= sure_since and _is_its_own_answer(request)
        (answered if sure else perhaps).append(request)
    found = _compare_requests(answered, perhaps, before, after) + _compare_orders(answered, perhaps, before, after)
    return [violation("counts", after.at, f"{after.replica} (pid {after.pid}) since {since:.1f} s: {text}")
            for text in found]


def _is_its_own_answer(request: Request) -> bool:
    own = not (request.code or "").startswith(("balancer_", "bare_"))
    return request.end == ANSWERED and request.flaw is None and own


def _delta(before: Figures | None, after: Figures, metric: str, **labels: str) -> float:
    return after.sum(metric, **labels) - (before.sum(metric, **labels) if before is not None else 0)


def _compare_requests(answered: list[Request], perhaps: list[Request], before: Figures | None,
                      after: Figures) -> list[str]:
    counted = Counter((ROUTES[r.kind], r.status) for r in answered)
    unheard = Counter(ROUTES[r.kind] for r in perhaps)
    found = []
    for ((route, method), status), count in sorted(counted.items()):
        labels = {"http_request_method": method, "http_response_status_code": str(status)}
        if route:
            labels["http_route"] = route
        metric = _delta(before, after, "http_server_request_duration_seconds_count", **labels)
        most = count + unheard[route, method]
        if metric < count or (metric > most and method == "POST" and status < 300):  # others are refused, and read, too
            found.append(f"{metric:g} requests {method} {route} answered {status}, the clients had {count}, "
                         f"and {unheard[route, method]} without an answer")
    return found


def _compare_orders(answered: list[Request], perhaps: list[Request], before: Figures | None,
                    after: Figures) -> list[str]:
    counted = Counter(v.outcome for r in answered if r.kind in WRITES for v in r.verdicts)
    unheard = sum(len(r.sent) for r in perhaps if r.kind in WRITES)
    found = []
    for outcome, result in COUNTED.items():
        metric = _delta(before, after, "ordersd_orders_total", result=result)
        if not counted[outcome] <= metric <= counted[outcome] + unheard + counted[UNKNOWN]:
            found.append(f"{metric:g} orders {result}, the clients had {counted[outcome]}, "
                         f"and {unheard} without an answer")
    return found


def check_table_growth(before: list[Figures], after: list[Figures], rows_before: int,
                       rows_after: int) -> list[Violation]:
    """Of all replicas: every row was counted once, by the process that wrote it. A process that began after `before`
    has counted from 0. What its predecessor had counted is gone, and then only the lower bound is known."""
    since = [b if b.pid == n.pid else None for b, n in zip(before, after, strict=True)]

    def counted(result: str) -> float:
        return sum(_delta(b, n, "ordersd_orders_total", result=result) for b, n in zip(since, after))
    new, created = rows_after - rows_before, counted("created")
    doubtful = counted("late") + counted("unknown") if None not in since else math.inf
    if created <= new <= created + doubtful:
        return []
    text = f"{new} new rows; {created:g} orders counted as created, {doubtful:g} in doubt"
    return [violation("counts", after[0].at, text)]
