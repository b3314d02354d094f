"""SIGTERM under full load: every answer is true, the process ends within SHUTDOWN_TIMEOUT, its exit code is 0. Also
when the database is slow, locked or stopped, so that the draining cannot complete."""
import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from chaos import clock, wait
from chaos.audit import compare
from chaos.findings import Exemption
from chaos.history import ANSWERED, History
from chaos.lifecycle.outcome import Outcome, chosen, course
from chaos.lifecycle.overload import SLOW_STATEMENTS
from chaos.lifecycle.traffic import ClientProfile, Traffic
from chaos.world import WorldOptions, World

LOAD_S = 3.0      # from the first request to the trouble
TROUBLE_S = 0.5   # from the trouble to SIGTERM
MARGIN_S = 2.0    # the machine may be busy: the timeout is asked for, and no speed
CLIENTS = [(ClientProfile(), 64), (ClientProfile("batch", 50), 8)]


@contextlib.asynccontextmanager
async def _well(world: World) -> AsyncIterator[None]:
    yield


@contextlib.asynccontextmanager
async def _slow(world: World) -> AsyncIterator[None]:
    await world.primary.sql(SLOW_STATEMENTS)
    yield


@contextlib.asynccontextmanager
async def _locked(world: World) -> AsyncIterator[None]:
    session = await world.primary.session()
    await session.run("BEGIN; LOCK TABLE orders")
    yield
    await session.close()


@contextlib.asynccontextmanager
async def _stopped(world: World) -> AsyncIterator[None]:
    world.primary.pause()
    yield
    world.primary.resume()


@dataclass(frozen=True)
class Case:
    name: str
    trouble: Callable
    timeout_s: int
    settings: Mapping[str, str] = field(default_factory=dict)


LONG_WAITS = {"ORDERS_COMMIT_TIMEOUT": "30s", "DATABASE_COMMAND_TIMEOUT": "30s", "DATABASE_ACQUIRE_TIMEOUT": "30s"}
CASES = (
    Case("the database is well", _well, 12),
    Case("the database is slow and the queue is long", _slow, 12,
         {"ORDERS_WORKERS": "1", "ORDERS_GROUP_MAX": "16", "ORDERS_QUEUE_WAIT_MAX": "6s"}),
    Case("the table is locked for longer than SHUTDOWN_TIMEOUT", _locked, 5, LONG_WAITS),
    Case("the database is stopped for longer than SHUTDOWN_TIMEOUT", _stopped, 5, LONG_WAITS),
)


async def run(arguments, say) -> list[Outcome]:
    return [await _one(case, arguments, say) for case in chosen(CASES, arguments.only)]


async def _one(case: Case, arguments, say) -> Outcome:
    """The listening socket is the service's own here: clients that dial after its end are refused at once."""
    settings = {**case.settings, "SHUTDOWN_TIMEOUT": f"{case.timeout_s}s"}
    world = World(WorldOptions(seed=arguments.seed, program=arguments.program, settings=settings, keeps_socket=False))
    outcome = Outcome(f"SIGTERM under full load: {case.name}")
    async with course(outcome, world, arguments, say) as history:
        traffic = Traffic(world, history, "drain")
        load = asyncio.create_task(traffic.until_stopped(CLIENTS))
        await asyncio.sleep(LOAD_S)
        async with case.trouble(world):
            await asyncio.sleep(TROUBLE_S)
            world.note(f"{case.name}: SIGTERM")
            began = clock.now()
            await _end(world, case, outcome)
            traffic.stop()
            await load
        _figures(outcome, history, began)
        await wait.until(lambda: _no_backends(world), 30, "the server's sessions of ordersd have ended", 0.2)
        rows = await world.rows()
        outcome.audited(*compare(history, rows, _exemptions(began)), len(rows))
    return outcome


def _exemptions(began: float) -> list[Exemption]:
    """What the end of a service means for its clients; all that is about the table stays."""
    return [Exemption("unavailable", began, math.inf, "the service ends, and nobody follows it"),
            Exemption("unanswered", began, math.inf, "connections that nobody had accepted end with the socket")]


async def _end(world: World, case: Case, outcome: Outcome) -> None:
    service, began = world.replicas[0], clock.now()
    service.term()
    try:
        code = await service.end(case.timeout_s + 10)
    except asyncio.TimeoutError:
        outcome.expect(False, f"ordersd did not end within {case.timeout_s + 10} s of SIGTERM")
        service.kill()
        return
    took = clock.now() - began
    outcome.figure("ended after", f"{took:.2f} s of {case.timeout_s} s, with exit code {code}")
    outcome.expect(code == 0, f"the exit code is {code}")
    outcome.expect(took <= case.timeout_s + MARGIN_S,
                   f"the end took {took:.2f} s, SHUTDOWN_TIMEOUT is {case.timeout_s} s")


def _figures(outcome: Outcome, history: History, began: float) -> None:
    in_hand = [request for request in history.requests if request.began < began <= request.ended]
    outcome.figure("requests before SIGTERM", str(sum(request.ended < began for request in history.requests)))
    by_status = Counter(str(request.status or request.end) for request in in_hand)
    outcome.figure("requests in hand at SIGTERM", f"{len(in_hand)}: "
                   + ", ".join(f"{count} x {status}" for status, count in by_status.most_common()))
    for request in in_hand:
        outcome.expect(request.end == ANSWERED, f"request {request.n} was in hand at SIGTERM and had no answer: "
                                                f"{request.end}, {request.verdicts[0].code}")
    outcomes = Counter(verdict.outcome for request in history.requests for verdict in request.verdicts)
    outcome.figure("orders", ", ".join(f"{count} {name}" for name, count in outcomes.most_common()))


async def _no_backends(world: World) -> bool:
    return not await world.primary.backends()
