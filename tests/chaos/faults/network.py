"""The network between clients and ordersd, and between ordersd and PostgreSQL: cut, held, refused, slow, narrow."""
import functools
import random
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from chaos import sandbox
from chaos.faults import DELAYED, NOT_STORED, Fault, register
from chaos.links import Link
from chaos.process import run

if TYPE_CHECKING:
    from chaos.world import World


class OfLinks(Fault):
    """Links of the proxy: those of clients or those to the database, by the second base class of each kind."""
    side = ""

    def links(self, world: "World") -> list[Link]:
        raise NotImplementedError

    async def heal(self, world: "World") -> str | None:
        for link in self.links(world):
            await link.heal()
        return None


class Clients(OfLinks):
    """The links that clients come by."""
    side, holds = "clients", True

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"front"})

    def links(self, world: "World") -> list[Link]:
        return world.front


class Database(OfLinks):
    """The links to PostgreSQL, to both servers: of one replica or of all."""
    side = "the database"
    exempt_rules, because = NOT_STORED, "the database could not be reached in time"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"all": rng.random() < 0.5}

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"back"})

    def links(self, world: "World") -> list[Link]:
        return [link for (replica, _), link in world.back.items() if self.params["all"] or replica == self.replica]


def size(rng: random.Random, most: int) -> int:
    """A number of bytes: small numbers are as likely as large ones, and 0 is among them."""
    return int((most + 1) ** rng.random()) - 1


# ---- cut after any byte ----

class Cut(OfLinks):
    cuts_before = 0

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"way": rng.choice(("up", "down")), "how": rng.choice(("reset", "reset", "close")),
                "every": rng.random() < 0.2, "bytes": [size(rng, 20_000) for _ in range(rng.randrange(1, 60))],
                **super().draw(rng)}

    async def inject(self, world: "World") -> str | None:
        p = self.params
        self.cuts_before = await self.cuts(world)
        for link in self.links(world):
            await link.cut_after(p["way"], p["bytes"], every=p["every"], how=p["how"])
        which = "every connection" if p["every"] else "the connection"
        return (f"towards {self.side}: {which} ends ({p['how']}) after {p['bytes'][:4]}... bytes {p['way']}, "
                f"{len(p['bytes'])} times a link")

    async def cuts(self, world: "World") -> int:
        return sum([(await link.counts())["cuts"] for link in self.links(world)])

    async def heal(self, world: "World") -> str | None:
        await super().heal(world)
        return None if await self.cuts(world) > self.cuts_before else "too few bytes passed, and no connection was cut"


@register
class CutClients(Cut, Clients):
    """Connections of clients end after any byte of a request or an answer."""
    kind, group, lasts = "cut_clients", "cut", (2.0, 8.0)
    exempt_rules, because = ("unanswered", "unavailable/dial"), "connections of clients were cut"


@register
class CutDatabase(Cut, Database):
    """Connections to the database end after any byte of a statement or its result."""
    kind, group, lasts = "cut_database", "cut", (2.0, 8.0)


# ---- hold: nothing moves ----

class Hold(OfLinks):
    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"hold": rng.choice((("up",), ("down",), ("up", "down"))), **super().draw(rng)}

    async def inject(self, world: "World") -> str | None:
        for link in self.links(world):
            await link.set(hold=self.params["hold"])
        return f"towards {self.side}: nothing moves {' nor '.join(self.params['hold'])}"


@register
class HoldClients(Hold, Clients):
    """Between clients and ordersd nothing moves, one way or both, and then everything arrives."""
    kind, group, lasts = "hold_clients", "cut", (0.5, 6.0)
    exempt_rules, because = DELAYED, "requests or answers were held on their way"


@register
class HoldDatabase(Hold, Database):
    """Between ordersd and the database nothing moves, one way or both, and then everything arrives."""
    kind, group, lasts = "hold_database", "cut", (0.5, 10.0)


class Forget(OfLinks):
    async def inject(self, world: "World") -> str | None:
        for link in self.links(world):
            await link.forget()
        return f"towards {self.side}: open connections are silent for ever, new ones work"

    async def heal(self, world: "World") -> None:
        """A connection of the time before stays silent until somebody gives it up; at the end it is reset, so that no
        server waits for it for ever."""
        for link in self.links(world):
            await link.cut_forgotten()


@register
class ForgetClients(Forget, Clients):
    """Open connections of clients fall silent for ever, as behind a firewall that lost its table."""
    kind, group, lasts = "forget_clients", "cut", (2.0, 10.0)
    exempt_rules, because = DELAYED + ("unanswered",), "connections of clients fell silent, and were cut at the end"


@register
class ForgetDatabase(Forget, Database):
    """Open connections to the database fall silent for ever, as behind a firewall that lost its table."""
    kind, group, lasts = "forget_database", "cut", (2.0, 12.0)


# ---- drop: no new connections ----

class Refuse(OfLinks):
    listening, effect = "refuse", "refused"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"cut": rng.random() < 0.7, **super().draw(rng)}  # if not cut, open connections go on

    async def inject(self, world: "World") -> str | None:
        for link in self.links(world):
            await link.set(listening=self.listening)
            if self.params["cut"]:
                await link.cut()
        return f"towards {self.side}: dials are {self.effect}" + ("; open connections are reset" * self.params["cut"])


@register
class RefuseClients(Refuse, Clients):
    """New connections of clients are refused."""
    kind, group, lasts = "refuse_clients", "cut", (0.5, 4.0)
    exempt_rules, because = ("unanswered", "unavailable/dial"), "clients were not let in, and open connections were cut"


@register
class RefuseDatabase(Refuse, Database):
    """New connections to the database are refused."""
    kind, group, lasts = "refuse_database", "cut", (0.5, 8.0)


@register
class DropClients(Refuse, Clients):
    """New connections of clients get no answer at all (their SYN is dropped)."""
    kind, group, lasts = "drop_clients", "cut", (0.5, 4.0)
    exempt_rules, because = ("unanswered", "unavailable/dial", "late"), "clients got no connection, or were cut"
    listening, effect = "black_hole", "dropped"


@register
class DropDatabase(Refuse, Database):
    """New connections to the database get no answer at all (their SYN is dropped)."""
    kind, group, lasts = "drop_database", "cut", (0.5, 8.0)
    listening, effect = "black_hole", "dropped"


# ---- slow and narrow ----

class Slow(OfLinks):
    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"delay_s": round(rng.uniform(0.01, 0.3), 3), "jitter_s": round(rng.uniform(0, 0.2), 3),
                **super().draw(rng)}

    async def inject(self, world: "World") -> str | None:
        for link in self.links(world):
            await link.set(**{name: self.params[name] for name in ("delay_s", "jitter_s")})
        return f"towards {self.side}: {self.params['delay_s']:g} s later, and up to {self.params['jitter_s']:g} s more"


@register
class SlowClients(Slow, Clients):
    """Bytes between clients and ordersd arrive later."""
    kind, group, lasts = "slow_clients", "cut", (3.0, 8.0)
    exempt_rules, because = DELAYED, "requests and answers were late on their way"


@register
class SlowDatabase(Slow, Database):
    """Bytes between ordersd and the database arrive later."""
    kind, group, lasts = "slow_database", "cut", (3.0, 8.0)


class Narrow(OfLinks):
    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"rate": rng.choice((2_000, 10_000, 50_000, 200_000)), **super().draw(rng)}

    async def inject(self, world: "World") -> str | None:
        for link in self.links(world):
            await link.set(rate=self.params["rate"])
        return f"towards {self.side}: {self.params['rate']} bytes a second each way"


@register
class NarrowClients(Narrow, Clients):
    """Few bytes a second pass between clients and ordersd."""
    kind, group, lasts = "narrow_clients", "cut", (3.0, 8.0)
    exempt_rules, because = DELAYED, "requests and answers waited for a narrow way"


@register
class NarrowDatabase(Narrow, Database):
    """Few bytes a second pass between ordersd and the database."""
    kind, group, lasts = "narrow_database", "cut", (3.0, 8.0)


# ---- the kernel's own: packets are lost, late and out of order ----

async def tc(*arguments: str) -> str | None:
    """None, or why tc failed."""
    code, _, err = await run(["tc", "qdisc", *arguments], timeout_s=10)
    return None if code == 0 else err.strip()


@functools.cache
def netem_missing() -> str | None:
    """Tried once with values that change nothing: a kernel may lack the module, and no file says so."""
    if not shutil.which("tc"):
        return "tc is not installed (iproute2)"
    argv = ["tc", "qdisc", "add", "dev", "lo", "root", "netem"]
    added = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    if added.returncode != 0:
        return f"tc cannot set netem: {added.stderr.strip()}"
    subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], capture_output=True, timeout=10)
    return None


@register
class Netem(Fault):
    """Packets on the loopback device are lost, late, doubled and out of order (netem)."""
    kind, group, lasts, holds = "netem", "cut", (3.0, 10.0), True
    exempt_rules, because = DELAYED + NOT_STORED, "packets were lost and sent again"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"delay_ms": rng.randrange(1, 30), "jitter_ms": rng.randrange(0, 15),
                "loss": round(rng.uniform(0, 4), 1), "duplicate": round(rng.uniform(0, 2), 1),
                "reorder": round(rng.uniform(0, 20), 1)}

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"front", "back"})

    def missing(self, world: "World") -> str | None:
        if not sandbox.own():
            return "the run has no network namespace of its own, and the machine's loopback device is everybody's"
        return netem_missing()

    async def inject(self, world: "World") -> str | None:
        p = self.params
        why = await tc("add", "dev", "lo", "root", "netem", "limit", "20000",
                       "delay", f"{p['delay_ms']}ms", f"{p['jitter_ms']}ms", "loss", f"{p['loss']}%",
                       "duplicate", f"{p['duplicate']}%", "reorder", f"{p['reorder']}%")
        return self.not_now(f"tc: {why}") if why else f"netem on lo: {p}"

    async def heal(self, world: "World") -> None:
        await tc("del", "dev", "lo", "root")
