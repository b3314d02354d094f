"""The standby becomes the primary: after the old primary was fenced off, or while it goes on."""
import random
from typing import TYPE_CHECKING, Any

from chaos.faults import NOT_STORED, Fault, register
from chaos.wait import TooLate, until

if TYPE_CHECKING:
    from chaos.world import World


class Failover(Fault):
    exempt_rules, because = NOT_STORED, "the primary was replaced"

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"primary", "standby"})

    async def inject(self, world: "World") -> str | None:
        if not await world.standby_in_sync():
            return self.not_now("the standby does not have all that was acknowledged")
        old = world.primary.name
        done = await self.fence(world)
        await world.promote_standby()
        return f"{done}, promoted {world.primary.name} in place of {old}"

    async def fence(self, world: "World") -> str:
        raise NotImplementedError

    async def heal(self, world: "World") -> None:
        """The old primary is ended, whatever it did until now, and made anew as the standby of the new one."""
        if not world.primary.alive():
            await world.primary.start()
        if not world.standby_follows:
            await world.rebuild_standby()


@register
class FailoverFenced(Failover):
    """The primary is ended, then the standby is promoted, and the old primary comes back as its standby."""
    kind, group, lasts = "failover", "failover", (1.0, 5.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"how": rng.choice(("kill", "immediate", "fast"))}

    async def fence(self, world: "World") -> str:
        old = world.primary
        if self.params["how"] == "kill":
            old.kill()
        await old.stop("immediate" if self.params["how"] == "kill" else self.params["how"])
        return f"ended {old.name} ({self.params['how']})"


@register
class FailoverUnfenced(Failover):
    """The standby is promoted while the old primary goes on, waiting for a standby that has left it."""
    kind, group, lasts = "failover_unfenced", "failover", (1.0, 5.0)
    exempt_rules = NOT_STORED + ("stale_read",)
    because = "the old primary was not fenced off, and goes on answering"

    @property
    def needs(self) -> frozenset[str]:
        """An ordersd that starts while both servers take writes cannot know which of them is the primary."""
        return super().needs | {f"replica:{n}" for n in range(self.replicas)}

    async def fence(self, world: "World") -> str:
        return f"left {world.primary.name} as it is"


@register
class OldPrimaryBack(FailoverUnfenced):
    """The primary stands still, the standby is promoted, and the old primary comes back while the new one is away."""
    kind, group, lasts = "old_primary_back", "failover", (1.0, 3.0)
    exempt_rules, because = NOT_STORED, "the primary was replaced, and the new one was away"
    noticed_s = 30.0  # until every replica is at the new primary

    async def inject(self, world: "World") -> str | None:
        if not await world.standby_in_sync():
            return self.not_now("the standby does not have all that was acknowledged")
        old = world.primary
        old.pause()
        await world.promote_standby()
        try:
            await until(lambda: self.moved(world), self.noticed_s, "every replica is at the new primary", 0.2)
        except TooLate as late:
            return self.not_now(str(late))
        await world.primary.stop("immediate")
        old.resume()
        await old.await_standby(None)
        return (f"{old.name} stood still, {world.primary.name} was promoted and stopped, {old.name} goes on and waits "
                "for no standby")

    async def moved(self, world: "World") -> bool:
        """Has every replica sessions at the new primary, all of which have asked it who it is? A replica that was never
        there cannot know that the old primary was replaced. Readiness does not tell: it falls only after a check."""
        new = world.primary
        links = [await world.back[service.index, new.name].counts() for service in world.replicas]
        sessions = await new.backends("application_name LIKE 'ordersd%' AND query <> ''")
        return all(link["open"] for link in links) and len(sessions) >= sum(link["open"] for link in links)

    async def heal(self, world: "World") -> None:
        """If nothing was promoted, there is nothing to rebuild, and the standby must go on: commits wait for it."""
        world.primary.resume()
        if not world.standby_follows:
            await world.standby.stop("immediate")
        await super().heal(world)
