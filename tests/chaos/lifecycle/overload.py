"""Overload: clients send twice of what the service can take, and the database is what is slow, because a trigger makes
each statement sleep. Memory must stay below ordersd_memory_max_bytes, the health checks must be answered, and all that
is refused must be 503 with Retry-After and not in the table."""
import asyncio
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from chaos import clock
from chaos.audit import compare
from chaos.findings import Exemption
from chaos.history import ACKNOWLEDGED, History, NOT_ACCEPTED
from chaos.http_client import Limits
from chaos.lifecycle.measure import MIB, Probes, every, percentile, probing
from chaos.lifecycle.outcome import Outcome, chosen, course
from chaos.lifecycle.traffic import ClientProfile, Traffic
from chaos.world import WorldOptions, World

# Long beside what a busy machine adds to a statement, so that the database stays what limits the service.
SLOW_STATEMENTS = """
CREATE FUNCTION slow_statement() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NULL; END $$;
CREATE TRIGGER slow_statement BEFORE INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION slow_statement();
"""
FACTOR = 2.0


@dataclass(frozen=True)
class Case:
    name: str
    profile: ClientProfile
    connections: int
    settings: Mapping[str, str]


# Small groups keep the most that the service takes within what one driver can double; MEMORY_MAX is nearly the least
# that these settings need, so that the memory for clients is used up within seconds.
NARROW = {"ORDERS_WORKERS": "2", "HTTP_MAX_CONNECTIONS": "450"}
CASES = (
    Case("single orders, refused by the wait in the queue", ClientProfile(), 400,
         {**NARROW, "ORDERS_GROUP_MAX": "4", "ORDERS_QUEUE_WAIT_MAX": "200ms"}),
    Case("large batches, refused by the memory budget", ClientProfile(kind="batch", orders=40, metadata=4000), 400,
         {**NARROW, "ORDERS_GROUP_MAX": "8", "ORDERS_QUEUE_WAIT_MAX": "20s", "ORDERS_COMMIT_TIMEOUT": "20s",
          "MEMORY_MAX": "124MiB"}),
)
LIMITS = Limits(write_bound=24)


async def run(arguments, say) -> list[Outcome]:
    return [await _one(case, arguments, say) for case in chosen(CASES, arguments.only)]


async def _one(case: Case, arguments, say) -> Outcome:
    world = World(WorldOptions(seed=arguments.seed, program=arguments.program, settings=case.settings))
    outcome = Outcome(f"overload: {case.name}")
    async with course(outcome, world, arguments, say) as history:
        await world.primary.sql(SLOW_STATEMENTS)
        most = await _most(world, case, history, arguments.seconds / 4)
        world.note(f"{case.name}: the service takes {most:.0f} orders/s; now it gets {FACTOR:g} times of that")
        began = clock.now()
        traffic = Traffic(world, history, "overload", LIMITS)
        rate = FACTOR * most / case.profile.orders
        load = traffic.open_loop(case.connections, arguments.seconds, case.profile, rate)
        rss, probes = await _watched(world, load)
        outcome.figure("most that the service took", f"{most:.0f} orders/s")
        _check_load(outcome, history, began, clock.now() - began, most)
        await _check_service(outcome, world, max(rss), probes)
        await _check_table(outcome, world, history)
    return outcome


async def _most(world: World, case: Case, history: History, seconds: float) -> float:
    """Orders a second while all connections send one request after the other, without its first second."""
    traffic = Traffic(world, history, "most", LIMITS)
    began = clock.now() + 1
    await traffic.closed_loop(case.connections // 2, seconds + 1, case.profile)
    return acknowledged(history, began) / (clock.now() - began)


def acknowledged(history: History, since: float) -> int:
    return sum(verdict.outcome in ACKNOWLEDGED for request in history.requests if request.ended >= since
               for verdict in request.verdicts)


async def _watched(world: World, load) -> tuple[list[int], Probes]:
    """The resident memory, ten times a second, and the answers of the health checks."""
    rss: list[int] = []
    service = world.replicas[0]

    async def take() -> None:
        rss.append(service.rss())

    sampler = asyncio.create_task(every(0.1, take))
    try:
        return rss, await probing(service.port, load)
    finally:
        sampler.cancel()


def _check_load(outcome: Outcome, history: History, began: float, seconds: float, most: float) -> None:
    requests = [request for request in history.requests if request.began >= began]
    sent = sum(len(request.sent) for request in requests)
    stored = acknowledged(history, began)
    codes = Counter(str(request.code) for request in requests if request.status != 201)
    sent_per_s, stored_per_s = sent / seconds, stored / seconds
    outcome.figure("sent", f"{sent} orders, {sent_per_s:.0f}/s, {sent_per_s / most:.1f} times of the most")
    outcome.figure("acknowledged", f"{stored} orders, {stored_per_s:.0f}/s, {stored_per_s / most:.0%} of the most")
    outcome.figure("refused", ", ".join(f"{count} x {code}" for code, count in codes.most_common()) or "nothing")
    late = [request.ended - request.began for request in requests if request.status == 201]
    outcome.figure("an acknowledged request took",
                   f"p50 {percentile(late, 50):.2f} s, p99 {percentile(late, 99):.2f} s")
    refused = [request for request in requests if request.status != 201]
    if not refused:
        outcome.skipped = "the clients could not send more than the service takes: the machine is busy"
    for request in refused:
        told = all(verdict.outcome == NOT_ACCEPTED for verdict in request.verdicts)
        fair = told and request.status == 503 and request.flaw is None  # without Retry-After it has a flaw
        outcome.expect(fair, f"request {request.n} was not refused by 503 with Retry-After: status {request.status}, "
                             f"{request.end}, code {request.code}, flaw {request.flaw}")


async def _check_service(outcome: Outcome, world: World, peak: int, probes: Probes) -> None:
    most = (await world.replicas[0].metrics(timeout_s=20))["ordersd_memory_max_bytes"]
    outcome.figure("resident memory", f"at most {peak / MIB:.0f} MiB of {most / MIB:.0f} MiB")
    outcome.expect(peak <= most, f"resident memory was {peak} bytes, over ordersd_memory_max_bytes, {most:.0f}")
    for line in probes.report():
        outcome.figure("health", line)
    outcome.expect(probes.unanswered() == 0, f"{probes.unanswered()} health checks had no answer")
    for path, statuses in probes.statuses.items():
        outcome.expect(set(statuses) == {200}, f"{path} was answered {statuses}")
    outcome.expect(not world.unexpected_ends(), "; ".join(world.unexpected_ends()))


async def _check_table(outcome: Outcome, world: World, history: History) -> None:
    rows = await world.rows()
    overload = Exemption("unavailable", 0, math.inf, "there is more load than the service takes: see _check_load")
    outcome.audited(*compare(history, rows, [overload]), len(rows))
