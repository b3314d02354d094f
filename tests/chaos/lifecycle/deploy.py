"""Rolling deploys under load: a new ordersd gets the listening socket of the old one (LISTEN_FDS) before the old one
ends, or after it, alone or behind HAProxy. Clients keep their connections and obey `Connection: close`. No request of
theirs may be dropped or refused."""
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from chaos import balancer, clock, wait
from chaos.audit import compare
from chaos.history import FAILED, FOUND, NOT_ACCEPTED, History
from chaos.lifecycle.measure import percentile
from chaos.lifecycle.outcome import Outcome, chosen, course
from chaos.lifecycle.traffic import ClientProfile, Traffic
from chaos.service import Service
from chaos.world import WorldOptions, World

PATIENT = {"ORDERS_QUEUE_WAIT_MAX": "6s"}  # a busy machine makes requests late, and no deploy refuses them
BETWEEN_S = 1.0
READY_S = 20.0
# Pauses stay far below the second for which a draining service keeps idle connections, so no request meets that end.
CLIENTS = [(ClientProfile(pause=0.02), 32), (ClientProfile("batch", 20, pause=0.1), 4),
           (ClientProfile("atomic", 5, pause=0.1), 4), (ClientProfile("get", pause=0.05), 8),
           (ClientProfile(pause=0.02, dials=True), 8)]


async def hand_over(service: Service) -> int:
    return await service.deploy()


async def restart(service: Service) -> int:
    """Without the kept socket clients are refused meanwhile; with it their connections wait."""
    return await service.restart()


@dataclass(frozen=True)
class Case:
    name: str
    replicas: int
    deploy: Callable[[Service], Awaitable[int]]
    keeps_socket: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)


CASES = (
    Case("one replica, the new process starts before the old one ends", 1, hand_over),
    Case("one replica, the new process starts after the old one has ended", 1, restart),
    Case("three replicas behind HAProxy, one after the other, on the same sockets", 3, hand_over),
    # As docker/compose.scale.yaml has it: HAProxy asks every second and believes the second no.
    Case("three replicas behind HAProxy, one after the other, on sockets of their own", 3, restart, keeps_socket=False,
         settings={"SHUTDOWN_DELAY": "3s"}),
)


async def run(arguments, say) -> list[Outcome]:
    return [await _one(case, arguments, say) for case in chosen(CASES, arguments.only)]


async def _one(case: Case, arguments, say) -> Outcome:
    outcome = Outcome(f"rolling deploy: {case.name}")
    if case.replicas > 1 and balancer.missing():
        outcome.skipped = balancer.missing() or ""
        return outcome
    world = World(WorldOptions(seed=arguments.seed, program=arguments.program, replicas=case.replicas,
                          settings={**PATIENT, **case.settings}, keeps_socket=case.keeps_socket))
    async with course(outcome, world, arguments, say) as history:
        traffic = Traffic(world, history, "deploy")
        load = asyncio.create_task(traffic.until_stopped(CLIENTS))
        await asyncio.sleep(2)
        deploys = await _roll(world, case, arguments.seconds, outcome)
        await asyncio.sleep(1)
        traffic.stop()
        await load
        outcome.figure("deploys", str(deploys))
        check_requests(outcome, history, len(traffic.connections))
        rows = await world.rows()
        outcome.audited(*compare(history, rows, []), len(rows))
    return outcome


async def _roll(world: World, case: Case, seconds: float, outcome: Outcome) -> int:
    """One replica after the other until the time is over, and the last round to its end."""
    end, deploys = clock.now() + seconds, 0
    while clock.now() < end:
        for service in world.replicas:
            code = await case.deploy(service)
            deploys += 1
            outcome.expect(code == 0, f"deploy {deploys}: the old process ended with {code}")
            await wait.until(service.ready, READY_S, f"{service.name} is ready", 0.1)
            await asyncio.sleep(BETWEEN_S)
        world.note(f"{case.name}: {deploys} deploys")
    outcome.expect(not world.unexpected_ends(), "; ".join(world.unexpected_ends()))
    return deploys


def check_requests(outcome: Outcome, history: History, connections: int, refusals: Collection[str] = ()) -> None:
    """Every request has its 2xx. `refusals` are codes of `not_accepted` that are reported and break no promise."""
    bad = [request for request in history.requests if request.status not in (200, 201)]
    by_end = Counter(f"{request.status or request.end} {request.code or ''}".strip() for request in bad)
    took = [request.ended - request.began for request in history.requests]
    outcome.figure("requests", f"{len(history.requests)}, over {connections} connections")
    outcome.figure("dropped or refused", ", ".join(f"{count} x {end}" for end, count in by_end.most_common()) or "0")
    p50, p99, worst = (percentile(took, percent) * 1000 for percent in (50, 99, 100))
    outcome.figure("a request took", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.0f} ms")
    for request in bad:
        told = request.code in refusals and all(v.outcome in (NOT_ACCEPTED, FAILED) for v in request.verdicts)
        outcome.expect(told, f"at {request.began:.3f} s: request {request.n} ({request.kind}) on {request.connection} "
                             f"of {request.replica or 'nobody'}: {request.status or request.end} {request.code or ''}")
    missed = [request for request in history.requests if request.kind == "get" and request.status == 200
              and any(verdict.outcome != FOUND for verdict in request.verdicts)]
    outcome.expect(not missed, f"{len(missed)} lookups did not find what had been acknowledged")
