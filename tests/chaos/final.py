"""The world at rest: read before the load, and compared when the clients have ended and every fault is healed."""
import asyncio
import time

from chaos import clock, rest
from chaos.findings import Violation
from chaos.history import History
from chaos.rest import Figures
from chaos.service import Service
from chaos.world import World

Baseline = dict[int, Figures]  # by the index of the replica
REST_S = 30.0


async def before(world: World) -> Baseline:
    return {service.index: await _figures(service) for service in world.replicas}


async def check(world: World, history: History, baseline: Baseline) -> list[Violation]:
    """What is wrong with the gauges may be so for a moment, as a connection that is being closed. What is still wrong
    at the end of the time is found; what the counters say is asked once, at the end."""
    found: list[Violation] = []
    for service in world.replicas:
        figures = await _at_rest(service, baseline.get(service.index))
        found += rest.check_rest(baseline.get(service.index), figures)
        if not service.shared:
            found += rest.check_counts(history, _same_process(baseline.get(service.index), figures), figures)
    return found


async def _at_rest(service: Service, before_load: Figures | None) -> Figures:
    deadline = time.monotonic() + REST_S
    while True:
        figures = await _figures(service)
        if time.monotonic() > deadline or (figures.metrics and not rest.check_rest(before_load, figures)):
            return figures
        await asyncio.sleep(0.5)


def _same_process(before_load: Figures | None, now: Figures) -> Figures | None:
    """Counters begin anew with each process."""
    return before_load if before_load is not None and before_load.pid == now.pid else None


async def _figures(service: Service) -> Figures:
    return await rest.read_figures(service, service.name, clock.now())
