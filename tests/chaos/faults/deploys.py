"""Deploys: a new ordersd on the same socket, one replica or all in turn, and restarts by SIGTERM."""
from typing import TYPE_CHECKING

from chaos.audit import Exemption
from chaos.faults import ENDED, NOT_STORED, exemption, register
from chaos.faults.processes import OfOrdersd

if TYPE_CHECKING:
    from chaos.service import Service
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
    too_early = False  # the new process was not ready in time, since the database was away

    def missing(self, world: "World") -> str | None:
        return no_shared_socket(world)

    async def inject(self, world: "World") -> str | None:
        code = await self.replace(self.service(world))
        return f"deployed {self.service(world).name} anew, the old process ended with {code}"

    async def replace(self, service: "Service") -> int:
        code = await service.deploy()
        self.too_early = self.too_early or service.replaced_too_early
        return code

    def exemptions(self, began: float, recovered: float) -> list[Exemption]:
        """A process that begins in an outage dials with growing pauses: it may find the database later than others."""
        late = NOT_STORED if self.too_early else ()
        because = f"{self.kind}: a new process had not found the database yet"
        return [*super().exemptions(began, recovered), *(exemption(rule, began, recovered, because) for rule in late)]


@register
class RollingDeploy(Deploy):
    """Every replica in turn is replaced by a new process on its socket."""
    kind, group, lasts = "rolling_deploy", "deploy", (0.1, 1.0)

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(f"replica:{n}" for n in range(self.replicas))

    async def inject(self, world: "World") -> str | None:
        codes = [await self.replace(service) for service in world.replicas]
        return f"deployed {len(codes)} replicas anew, the old processes ended with {codes}"

    async def heal(self, world: "World") -> None:
        for service in world.replicas:
            if not service.alive():
                await service.start()
