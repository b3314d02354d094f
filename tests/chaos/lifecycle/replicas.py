"""Three replicas behind HAProxy, under load: one is killed, stays away for a while and comes back; then each is restarted in turn.

What the killed replica had in hand has no answer, or HAProxy's 502: clients repeat that. Nothing else may fail, and nothing may be
lost or doubled. Meanwhile each replica knows how many there are."""
import asyncio
import json
from collections import Counter
from collections.abc import Iterable

from chaos import balancer, clock, wait
from chaos.audit import compare
from chaos.findings import Exemption
from chaos.history import CREATED, REPLAYED, History, Request
from chaos.lifecycle.deploy import CLIENTS, PATIENT
from chaos.lifecycle.outcome import Outcome, course
from chaos.lifecycle.traffic import Traffic
from chaos.service import Service
from chaos.sql import SqlError
from chaos.world import World, WorldOptions

READY_S = 20.0
AWAY_S, BETWEEN_S = 3.0, 1.0
NOTICED_S = 3.0  # HAProxy asks each second, and believes the second failure
SETTINGS = {**PATIENT, "SHUTDOWN_DELAY": "3s"}
NAMES = "SELECT count(DISTINCT application_name) FROM pg_stat_activity WHERE application_name LIKE 'ordersd/%'"


async def run(arguments, say) -> list[Outcome]:
    outcome = Outcome("three replicas behind HAProxy: one is killed, then each is restarted")
    if balancer.missing():
        outcome.skipped = balancer.missing() or ""
        return [outcome]
    world = World(WorldOptions(seed=arguments.seed, program=arguments.program, replicas=3, settings=SETTINGS, keeps_socket=False))
    async with course(outcome, world, arguments, say) as history:
        traffic = Traffic(world, history, "replicas")
        load = asyncio.create_task(traffic.until_stopped(CLIENTS))
        await _counted(world, 3)
        killed_at = await _kill(world, world.replicas[1])
        await _roll(world, outcome)
        await _counted(world, 3)
        await asyncio.sleep(BETWEEN_S)
        traffic.stop()
        await load
        _figures(outcome, history, killed_at)
        rows = await world.rows()
        outcome.audited(*compare(history, rows, _exemptions(killed_at)), len(rows))
    return [outcome]


async def _counted(world: World, n: int) -> None:
    """The sessions have the names of so many replicas, and each replica says so."""
    async def agree() -> bool:
        try:
            seen = [await _seen(service) for service in world.replicas if service.alive()]
            return int(await world.primary.sql(NAMES)) == n and set(seen) == {n}
        except SqlError:
            return False
    await wait.until(agree, READY_S, f"{n} replicas are counted", 0.2)


async def _seen(service: Service) -> int | None:
    status, body = await service.get("/status")
    return json.loads(body)["database"]["replicas"] if status == 200 else None


async def _kill(world: World, service: Service) -> float:
    await asyncio.sleep(BETWEEN_S)
    killed_at = clock.now()
    world.note(f"{service.name} is killed")
    service.kill()
    await _counted(world, 2)
    await asyncio.sleep(AWAY_S)
    await service.start()
    await wait.until(service.ready, READY_S, f"{service.name} is ready", 0.1)
    world.note(f"{service.name} is back")
    await asyncio.sleep(NOTICED_S)
    return killed_at


async def _roll(world: World, outcome: Outcome) -> None:
    for service in world.replicas:
        code = await service.restart()
        outcome.expect(code == 0, f"{service.name} ended with {code}")
        await wait.until(service.ready, READY_S, f"{service.name} is ready", 0.1)
        await asyncio.sleep(NOTICED_S)
        world.note(f"{service.name} is restarted")
    outcome.expect(not world.unexpected_ends(), "; ".join(world.unexpected_ends()))


def _exemptions(killed_at: float) -> list[Exemption]:
    """Of requests that were in hand of the killed replica, or that HAProxy gave to it before it had noticed."""
    until = killed_at + NOTICED_S
    return [Exemption("unavailable/balancer_502", killed_at, until, "the replica was killed with the request in hand"),
            Exemption("unanswered", killed_at, until, "the replica was killed with the request in hand")]


def _why(requests: Iterable[Request]) -> str:
    counts = Counter(f"{request.status or request.end} {request.code or ''}".strip() for request in requests)
    return ", ".join(f"{count} x {name}" for name, count in counts.most_common()) or "0"


def _figures(outcome: Outcome, history: History, killed_at: float) -> None:
    verdicts = Counter(verdict.outcome for request in history.requests for verdict in request.verdicts)
    bad = [request for request in history.requests if request.status not in (200, 201)]
    in_hand = [request for request in bad if request.began <= killed_at + NOTICED_S and request.ended >= killed_at]
    others = [request for request in bad if request not in in_hand]
    by_replica = Counter(request.replica for request in history.requests if request.replica)
    outcome.figure("requests", f"{len(history.requests)}: " + ", ".join(f"{n} by {name}" for name, n in sorted(by_replica.items())))
    outcome.figure("orders acknowledged", f"{verdicts[CREATED]} as new, {verdicts[REPLAYED]} as replays")
    outcome.figure("failed when the replica was killed", _why(in_hand))
    outcome.figure("failed at any other time, the restarts included", _why(others))
    outcome.expect(not others, f"requests failed that no killed replica had: {_why(others)}")
    outcome.expect(len(by_replica) == 3, f"only {sorted(by_replica)} have answered")
