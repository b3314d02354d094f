"""What the machine gives to one process: its clock, file descriptors, memory."""
import asyncio
import contextlib
import functools
import glob
import os
import random
import re
import resource
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos import sandbox
from chaos.faults import ENDED, KILLED, NOT_STORED, Fault, register
from chaos.faults.processes import OfOrdersd, OfServer
from chaos.findings import BY_THE_CLOCK, Exemption
from chaos.process import run

if TYPE_CHECKING:
    from chaos.world import World


# ---- clocks ----
# libfaketime shifts CLOCK_REALTIME of the processes that are started with it. CLOCK_MONOTONIC stays as it is, and so
# does the machine's clock. Without FORCE_MONOTONIC_FIX=0 every pthread_cond_timedwait() by that clock ends at once.

LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"  # for processes with threads
NOTICED_S = 1  # how often a process reads its file


@functools.cache
def clocks_missing() -> str | None:
    if not glob.glob(LIBRARIES):
        return "libfaketime is not installed: scripts/deps test"
    if not sandbox.own():
        return "a killed process leaves segments of libfaketime in /dev/shm, which is the machine's here"
    return None


def clock_file(world: "World", name: str) -> Path:
    return world.folder / f"clock-{name}"


def clock_env(world: "World", name: str) -> dict[str, str]:
    """What a process is started with so that step() can move its clock; nothing where that is not possible."""
    if clocks_missing():
        return {}
    file = clock_file(world, name)
    step(file, 0)
    return {"LD_PRELOAD": glob.glob(LIBRARIES)[0], "FAKETIME_TIMESTAMP_FILE": str(file), "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "FAKETIME_CACHE_DURATION": str(NOTICED_S)}


def step(file: Path, seconds: float) -> None:
    """Written beside and moved into place: a process may read it at any moment."""
    part = file.with_suffix(".part")
    part.write_text(f"{seconds:+.3f}\n")
    part.chmod(0o644)
    part.replace(file)


class Clock(Fault):
    steps_clocks = True
    file: Path | None = None  # whose offset inject() has changed

    def draw(self, rng: random.Random) -> dict[str, Any]:
        size = rng.choice((0.5, 3.0, 30.0, 3600.0, 86400.0 * 400))
        return {"step_s": rng.choice((-1, 1)) * round(size * rng.uniform(0.5, 1.0), 3)}

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"clock"})

    def name(self, world: "World") -> str:
        raise NotImplementedError

    def missing(self, world: "World") -> str | None:
        return clocks_missing() or (None if clock_file(world, self.name(world)).exists()
                                    else "the processes were not started with clocks of their own")

    async def inject(self, world: "World") -> str | None:
        self.file = clock_file(world, self.name(world))
        step(self.file, self.params["step_s"])
        return f"stepped the clock of {self.name(world)} by {self.params['step_s']:+g} s"

    async def heal(self, world: "World") -> None:
        """Steps the clock back. The process notices it when it reads its file again."""
        if self.file:
            step(self.file, 0)
            await asyncio.sleep(NOTICED_S + 1.5)  # libfaketime counts whole seconds


@register
class ClockOfOrdersd(Clock):
    """The clock of one ordersd is stepped, forwards or backwards, and back (libfaketime)."""
    kind, group, lasts = "clock_ordersd", "machine", (2.0, 8.0)
    exempt_rules, because = BY_THE_CLOCK, "the clock that stamps orders, and tells which are stale, was wrong"

    def exemptions(self, began: float, recovered: float) -> list[Exemption]:
        replica = f"replica-{self.replica}"
        return [replace(made, replica=replica) for made in super().exemptions(began, recovered)]

    def name(self, world: "World") -> str:
        return world.replicas[self.replica].name


@register
class ClockOfPrimary(Clock):
    """The clock of the primary is stepped, forwards or backwards, and back (libfaketime)."""
    kind, group, lasts = "clock_primary", "machine", (2.0, 8.0)
    exempt_rules, because = NOT_STORED, "a step may end the replication, which commits wait for"

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"clock", "primary"})

    def name(self, world: "World") -> str:
        return f"postgres-{world.primary.name}"


# ---- descriptors ----

@register
class FewFiles(OfOrdersd):
    """ordersd has no file descriptor left (prlimit on the running process), and every connection is cut."""
    kind, group, lasts = "few_files", "machine", (2.0, 8.0)
    exempt_rules = NOT_STORED + ("unanswered", "late", "unavailable/dial", "unavailable/balancer_502")
    because = "no connection could be opened, to either side"
    pid = 0  # of the process whose limit inject() has changed
    usual = (0, 0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"fewer": rng.choice((0, 3, 10, 25))}  # than it has open

    async def inject(self, world: "World") -> str | None:
        service = self.service(world)
        self.pid, self.usual = service.pid, resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
        most = max(16, service.fds() - self.params["fewer"])
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (most, self.usual[1]))
        for link in [*world.front, *world.back.values()]:
            await link.cut()
        return f"{service.name} may have {most} file descriptors, and every connection was cut"

    async def heal(self, world: "World") -> None:
        if self.service(world).alive() and self.service(world).pid == self.pid:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, self.usual)


def files_of(pid: int) -> int:
    """The soft limit. From /proc, which tells it of every user's processes."""
    found = re.search(r"(?m)^Max open files\s+(\d+)", Path(f"/proc/{pid}/limits").read_text())
    return int(found[1]) if found else FewFilesOfPrimary.usual


@register
class FewFilesOfPrimary(OfServer):
    """The primary's processes have hardly any file descriptor left (prlimit)."""
    kind, group, lasts = "few_files_primary", "machine", (2.0, 8.0)
    usual = 1024

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"most": rng.choice((12, 20, 40))}

    async def inject(self, world: "World") -> str | None:
        pids = world.primary.pids()
        self.usual = files_of(pids[0])
        most = self.params["most"]
        why = await self.limit(pids, most)
        return self.not_now(why) if why else f"every process of the primary may have {most} file descriptors"

    async def heal(self, world: "World") -> None:
        """A process that was forked meanwhile has the small limit too. A server that has ended is started."""
        await self.limit(world.primary.pids(), self.usual)
        await super().heal(world)

    @staticmethod
    async def limit(pids: list[int], soft: int) -> str:
        """As the server's own user: for another user's processes even root needs a capability that it may not have.
        Returns what went wrong for all of them; one that has just ended is no trouble."""
        script = 'soft=$1; shift; for pid; do prlimit --pid "$pid" --nofile="$soft:" && one=1; done; [ -n "$one" ]'
        argv = ["/bin/sh", "-c", script, "limit", str(soft), *map(str, pids)]
        code, _, err = await run(argv, user="postgres", timeout_s=10)
        return "" if code == 0 else f"prlimit: {err.strip()[-200:]}"


# ---- memory ----

ENDING_S = 2.0


@register
class LittleMemory(OfOrdersd):
    """ordersd gets no more memory from the system (prlimit on the address space), and may end by that."""
    kind, group, lasts = "little_memory", "machine", (2.0, 6.0)
    exempt_rules = NOT_STORED + KILLED + ("unavailable/out_of_memory", "unavailable/overloaded")
    because = "nothing could be allocated"
    pid = 0  # of the process whose limit inject() has changed
    usual = (0, 0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"spare_mib": rng.choice((0, 0, 1, 8))}

    async def inject(self, world: "World") -> str | None:
        service = self.service(world)
        service.allow_end()
        self.pid, self.usual = service.pid, resource.prlimit(service.pid, resource.RLIMIT_AS)
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (self.params["spare_mib"] << 20)
        resource.prlimit(self.pid, resource.RLIMIT_AS, (most, self.usual[1]))
        return f"the address space of {service.name} may grow by {self.params['spare_mib']} MiB"

    async def heal(self, world: "World") -> None:
        """A process that has just failed to allocate needs a moment for its end. After that it may not end any more."""
        service = self.service(world)
        if service.alive() and service.pid == self.pid:
            resource.prlimit(self.pid, resource.RLIMIT_AS, self.usual)
            with contextlib.suppress(asyncio.TimeoutError):
                await service.end(ENDING_S)
        if not service.alive():
            await service.start()
        service.forbid_end()


@register
class SmallMemoryMax(OfOrdersd):
    """ordersd is restarted with the smallest MEMORY_MAX that it accepts, and with its own again at the end."""
    kind, group, lasts = "small_memory_max", "machine", (3.0, 8.0)
    exempt_rules = ENDED + ("unavailable/overloaded",)
    because = "the process was restarted, and clients had little room in between"
    pid = 0  # of the process that has the small MEMORY_MAX

    async def inject(self, world: "World") -> str | None:
        service = self.service(world)
        least = await self.least(world)
        if least is None:
            return self.not_now("ordersd did not say how small MEMORY_MAX may be")
        await service.restart(env={"MEMORY_MAX": f"{least}MiB"})
        self.pid = service.pid
        return f"restarted {service.name} with MEMORY_MAX={least}MiB"

    async def least(self, world: "World") -> int | None:
        """ordersd names it when it refuses a smaller one."""
        service = self.service(world)
        env = {**service.settings, "PATH": os.environ["PATH"], "MEMORY_MAX": "1"}
        _, out, err = await run([str(world.options.program), "--check-config"], timeout_s=10, env=env)
        found = re.search(r"at least (\d+)MiB", out + err)
        return int(found[1]) if found else None

    async def heal(self, world: "World") -> None:
        service = self.service(world)
        if not service.alive():
            await service.start()
        elif service.pid == self.pid:
            await service.restart()
