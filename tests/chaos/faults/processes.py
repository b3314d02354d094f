"""Processes that are killed, stopped and continued, or restarted: ordersd, both servers, the balancer, one backend."""
import os
import random
import signal
from typing import TYPE_CHECKING, Any

from chaos.faults import DELAYED, KILLED, NOT_STORED, Fault, register

if TYPE_CHECKING:
    from chaos.balancer import HAProxy
    from chaos.postgres import Postgres
    from chaos.service import Service
    from chaos.world import World


class OfOrdersd(Fault):
    """One replica. If it has ended, heal() starts it."""
    exempt_rules, because, holds = KILLED, "the process was away", True

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({f"replica:{self.replica}"})

    def service(self, world: "World") -> "Service":
        return world.replicas[self.replica]

    async def heal(self, world: "World") -> None:
        if not self.service(world).alive():
            await self.service(world).start()


class OfServer(Fault):
    """One of the two servers, by its role at that moment; a failover cannot come in between. If it has ended, heal()
    starts it."""
    role = "primary"
    exempt_rules, because = NOT_STORED, "a server that commits need was away"

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.role})

    def server(self, world: "World") -> "Postgres":
        return world.primary if self.role == "primary" else world.standby

    async def heal(self, world: "World") -> None:
        if not self.server(world).alive():
            await self.server(world).start()


class OfBalancer(Fault):
    """HAProxy. If it has ended, heal() starts it."""
    exempt_rules, because, holds = KILLED, "the balancer was away", True

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"balancer"})

    def missing(self, world: "World") -> str | None:
        return None if world.balancer else "one replica runs without a balancer"

    def balancer(self, world: "World") -> "HAProxy":
        assert world.balancer
        return world.balancer

    async def heal(self, world: "World") -> None:
        if not self.balancer(world).alive():
            await self.balancer(world).start()


class OfBackend(OfServer):
    """One backend of ordersd at the primary gets a signal."""
    number, done = signal.SIGKILL, "killed"
    pid = 0

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"which": rng.randrange(1000)}

    async def inject(self, world: "World") -> str | None:
        pids = await world.primary.backends()
        if not pids:
            return self.not_now("ordersd has no connection to the primary")
        self.pid = pids[self.params["which"] % len(pids)]
        try:
            os.kill(self.pid, self.number)
        except ProcessLookupError:
            return self.not_now("the backend has ended by itself")
        return f"{self.done} backend {self.pid} of the primary"


# ---- kill ----

@register
class KillOrdersd(OfOrdersd):
    """ordersd is killed (SIGKILL) and started again."""
    kind, group, lasts = "kill_ordersd", "kill", (0.1, 4.0)

    async def inject(self, world: "World") -> str | None:
        self.service(world).kill()
        await self.service(world).end(10)
        return f"killed {self.service(world).name}"


class KillServer(OfServer):
    async def inject(self, world: "World") -> str | None:
        self.server(world).kill()
        return f"killed PostgreSQL {self.server(world).name}, the {self.role}"


@register
class KillPrimary(KillServer):
    """The primary is killed (SIGKILL) and started again."""
    kind, group, lasts = "kill_primary", "kill", (0.2, 6.0)


@register
class KillStandby(KillServer):
    """The synchronous standby is killed (SIGKILL) and started again."""
    kind, group, lasts, role = "kill_standby", "kill", (0.2, 8.0), "standby"


@register
class KillBackend(OfBackend):
    """One backend of ordersd is killed (SIGKILL): PostgreSQL ends all others and recovers."""
    kind, group, lasts = "kill_backend", "kill", (0.5, 2.0)


@register
class KillBalancer(OfBalancer):
    """HAProxy is killed (SIGKILL) and started again."""
    kind, group, lasts = "kill_balancer", "kill", (0.1, 2.0)

    async def inject(self, world: "World") -> str | None:
        self.balancer(world).kill()
        await self.balancer(world).end()
        return "killed HAProxy"


# ---- SIGSTOP, SIGCONT ----

@register
class StopOrdersd(OfOrdersd):
    """ordersd stands still (SIGSTOP) and goes on."""
    kind, group, lasts = "stop_ordersd", "stop", (0.5, 8.0)
    exempt_rules, because = DELAYED + NOT_STORED, "the process stood still while the deadlines of its requests came"

    async def inject(self, world: "World") -> str | None:
        self.service(world).pause()
        return f"stopped {self.service(world).name} by SIGSTOP"

    async def heal(self, world: "World") -> None:
        self.service(world).resume()


class StopServer(OfServer):
    async def inject(self, world: "World") -> str | None:
        self.server(world).pause()
        return f"stopped PostgreSQL {self.server(world).name}, the {self.role}, by SIGSTOP"

    async def heal(self, world: "World") -> None:
        self.server(world).resume()


@register
class StopPrimary(StopServer):
    """Every process of the primary stands still (SIGSTOP) and goes on."""
    kind, group, lasts = "stop_primary", "stop", (0.5, 10.0)


@register
class StopStandby(StopServer):
    """The synchronous standby stands still (SIGSTOP) and goes on: commits wait for it."""
    kind, group, lasts, role = "stop_standby", "stop", (0.5, 10.0), "standby"


@register
class StopBackend(OfBackend):
    """One backend of ordersd stands still (SIGSTOP), with the locks that it holds, and goes on."""
    kind, group, lasts = "stop_backend", "stop", (0.5, 10.0)
    number, done = signal.SIGSTOP, "stopped by SIGSTOP"

    async def heal(self, world: "World") -> None:
        """Only if the pid is still a process of the primary: it may be another's by now."""
        if self.pid in world.primary.pids():
            os.kill(self.pid, signal.SIGCONT)


@register
class StopBalancer(OfBalancer):
    """HAProxy stands still (SIGSTOP) and goes on."""
    kind, group, lasts = "stop_balancer", "stop", (0.5, 5.0)
    exempt_rules, because = DELAYED, "requests and answers waited in the balancer"

    async def inject(self, world: "World") -> str | None:
        self.balancer(world).pause()
        return "stopped HAProxy by SIGSTOP"

    async def heal(self, world: "World") -> None:
        self.balancer(world).resume()


# ---- restart ----

class RestartServer(OfServer):
    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"mode": rng.choice(("fast", "fast", "immediate"))}

    async def inject(self, world: "World") -> str | None:
        await self.server(world).stop(self.params["mode"])
        return f"shut PostgreSQL {self.server(world).name}, the {self.role}, down ({self.params['mode']})"


@register
class RestartPrimary(RestartServer):
    """The primary is shut down, fast or at once, and started again."""
    kind, group, lasts = "restart_primary", "stop", (0.1, 3.0)


@register
class RestartStandby(RestartServer):
    """The synchronous standby is shut down and started again."""
    kind, group, lasts, role = "restart_standby", "stop", (0.1, 3.0), "standby"


@register
class RestartBalancer(OfBalancer):
    """HAProxy is asked to end (SIGUSR1) and started again."""
    kind, group, lasts = "restart_balancer", "stop", (0.1, 1.0)

    async def inject(self, world: "World") -> str | None:
        await self.balancer(world).stop(timeout_s=2)
        return "ended HAProxy"
