"""Abuse: many connections at once, and clients that send and read slowly. They come from a process of their own."""
import math
import os
import random
import sys
from typing import TYPE_CHECKING, Any

from chaos.faults import Fault, register
from chaos.process import Process
from chaos.world import ROOT

if TYPE_CHECKING:
    from chaos.service import Service
    from chaos.world import World


class AbusiveClients(Fault):
    """They go past the links, straight to the balancer or to the replicas, so that the links stay fast."""
    process: Process | None = None
    act, effect = "", ""
    counts: tuple[int, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"abusive clients"})

    def ports(self, world: "World") -> list[int]:
        return [world.balancer.port] if world.balancer else [world.replicas[0].port]

    def count(self, world: "World") -> int:
        return self.params["count"]

    async def inject(self, world: "World") -> str | None:
        ports = ",".join(map(str, self.ports(world)))
        argv = [sys.executable, "-m", "chaos.faults.abusive_clients", self.act, ports, str(self.count(world)),
                str(self.params["seed"])]
        env = {"PYTHONPATH": str(ROOT / "tests"), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}
        self.process = Process(argv, env=env, log=world.logs / "abusive_clients.log")
        return f"{self.count(world)} connections that {self.effect}"

    async def heal(self, world: "World") -> str | None:
        if self.process is None:
            return None
        lived = self.process.kill()
        code = await self.process.end(10)
        log = world.logs / "abusive_clients.log"
        return None if lived else f"the abusive clients ended by themselves with {code}: see {log}"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"count": rng.choice(self.counts), "seed": rng.randrange(1 << 16)}


NEARLY = 0.97  # some are just being refused, and come again


def limit(service: "Service") -> int:
    return int(service.settings["HTTP_MAX_CONNECTIONS"])


@register
class ConnectionStorm(AbusiveClients):
    """Hundreds of connections come at once, more than are served, and come again when they are closed."""
    kind, group, lasts, holds = "connection_storm", "crowd", (4.0, 8.0), True
    act, effect, beyond = "storm", "come at once and come again", (100, 200, 400)
    exempt_rules = ("unavailable/too_many_connections", "unavailable/dial", "unanswered", "unavailable/balancer_503",
                    "late")
    because = "more connections came than are served"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"beyond": rng.choice(self.beyond), "seed": rng.randrange(1 << 16)}

    def ports(self, world: "World") -> list[int]:
        """A balancer would keep the surplus to itself: it sends only requests on, on connections that it shares."""
        return [service.port for service in world.replicas]

    def count(self, world: "World") -> int:
        """More than all replicas serve together."""
        return sum(map(limit, world.replicas)) + self.params["beyond"]

    async def heal(self, world: "World") -> str | None:
        """A replica that does not say how many connections it has is taken for one that has too many."""
        nothing = [f"{s.name} had {has:g} connections of {limit(s)}" for s in world.replicas
                   if (has := (await s.metrics()).get("http_server_open_connections", math.inf)) < NEARLY * limit(s)]
        ended = await super().heal(world)
        return ended or (", ".join(nothing) if len(nothing) == len(world.replicas) else None)


@register
class SlowSenders(AbusiveClients):
    """Clients send their requests a few bytes at a time, and never end them."""
    kind, group, lasts = "slow_senders", "crowd", (3.0, 10.0)
    act, effect, counts = "drip", "send a few bytes at a time", (20, 100, 250)


@register
class SlowReaders(AbusiveClients):
    """Clients ask for much and do not read the answers."""
    kind, group, lasts = "slow_readers", "crowd", (3.0, 10.0)
    act, effect, counts = "deaf", "ask and do not read", (20, 60, 120)
    exempt_rules, because = ("unavailable/overloaded",), "answers that nobody reads take the room of others"
