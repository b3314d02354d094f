"""Deploys: a new ordersd on the same socket, one replica or all in turn, and restarts by SIGTERM."""
from typing import TYPE_CHECKING

from chaos.faults import ENDED, register
from chaos.faults.processes import OfOrdersd

if TYPE_CHECKING:
    from chaos.world import World


@register
class RestartOrdersd(OfOrdersd):
    """ordersd is asked to end (SIGTERM) and started again when it has ended."""
    kind, group, lasts = "restart_ordersd", "deploy", (0.1, 1.0)
    exempt_rules = ENDED

    async def inject(self, world: "World") -> str | None:
        code = await self.service(world).restart()
        return f"restarted {self.service(world).name}, the old process ended with {code}"


def no_shared_socket(world: "World") -> str | None:
    shared = all(service.keeps_socket for service in world.replicas)
    return None if shared else "in this run each process binds its port itself"


@register
class Deploy(OfOrdersd):
    """A new ordersd gets the listening socket, and then the old one is asked to end."""
    kind, group, lasts = "deploy", "deploy", (0.1, 1.0)
    # Nothing is refused. A request on a connection that was idle for a second may meet the end of that connection: HTTP
    # allows that, and no server can prevent it. In `scripts/chaos deploy` no client keeps a connection idle so long.
    exempt_rules = ("unanswered", "unavailable/balancer_502")
    because = "an idle connection was closed while a request was on its way to it"

    def missing(self, world: "World") -> str | None:
        return no_shared_socket(world)

    async def inject(self, world: "World") -> str | None:
        code = await self.service(world).deploy()
        return f"deployed {self.service(world).name} anew, the old process ended with {code}"


@register
class RollingDeploy(Deploy):
    """Every replica in turn is replaced by a new process on its socket."""
    kind, group, lasts = "rolling_deploy", "deploy", (0.1, 1.0)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(f"replica:{n}" for n in range(self.replicas))

    async def inject(self, world: "World") -> str | None:
        codes = [await service.deploy() for service in world.replicas]
        return f"deployed {len(codes)} replicas anew, the old processes ended with {codes}"

    async def heal(self, world: "World") -> None:
        for service in world.replicas:
            if not service.alive():
                await service.start()
