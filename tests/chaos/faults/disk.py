"""Disks that are full: the data, the WAL, the logs. A filler file takes all room of a file system that is the run's own
and has a size; no other file system is ever filled."""
import contextlib
import errno
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.faults import Fault, register
from chaos.faults.processes import OfServer
from chaos.sql import SqlError

if TYPE_CHECKING:
    from chaos.postgres import Postgres
    from chaos.world import World

LARGEST = 2 << 30  # a file system of more is not one that a run has made


def not_ours(folder: Path) -> str | None:
    """Why the file system of that folder must not be filled."""
    if folder.stat().st_dev == folder.parent.stat().st_dev:
        return f"{folder} is no file system of its own: no tmpfs can be mounted here"
    room = os.statvfs(folder)
    if room.f_blocks * room.f_frsize > LARGEST:
        return f"the file system of {folder} is too large to be filled"
    return None


def fill(filler: Path, leave: int) -> int:
    """Takes all room but `leave` bytes; returns how many bytes that were."""
    room = os.statvfs(filler.parent)
    wanted = max(0, room.f_bfree * room.f_frsize - leave)
    with filler.open("wb") as file:
        while wanted > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, wanted)
                return wanted
            except OSError as error:  # somebody has taken some of it meanwhile
                if error.errno != errno.ENOSPC:
                    raise
                wanted -= room.f_frsize * 16
    return 0


class Full(Fault):
    filler: Path | None = None  # the file that inject() makes
    felt = False  # did anybody lack the room?

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"leave": rng.choice((0, 0, 8192))}

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"disk"})

    def folder(self, world: "World") -> Path:
        raise NotImplementedError

    def missing(self, world: "World") -> str | None:
        return not_ours(self.folder(world))

    async def inject(self, world: "World") -> str | None:
        self.filler = self.folder(world) / "filler"
        taken = fill(self.filler, self.params["leave"])
        self.felt = taken > 0
        return f"filled {self.filler.parent} with {taken >> 10} KiB, {self.params['leave']} bytes are left"

    async def heal(self, world: "World") -> str | None:
        if self.filler:
            self.filler.unlink(missing_ok=True)
        return None if self.felt else "nobody lacked the room"


USE_WAL = "SELECT count(pg_logical_emit_message(false, 'chaos', repeat('x', 500000))) FROM generate_series(1, 4)"


async def use_up_wal(primary: "Postgres", enough: Callable[[], Awaitable[bool]], mib: int) -> bool:
    """Segments that are there already are used first: WAL is written, two megabytes at a time, until it is enough.
    False: it never was."""
    for _ in range(mib // 2):
        if await enough():
            return True
        with contextlib.suppress(SqlError):
            await primary.sql(USE_WAL, timeout_s=5)
    return await enough()


class FullOfServer(Full, OfServer):
    because = "a server that commits need had no room"

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"disk", self.role})

    async def heal(self, world: "World") -> str | None:
        """A server that ends by itself when it cannot write WAL is started again, as its operator would do it."""
        nothing = await super().heal(world)
        await OfServer.heal(self, world)
        return nothing


@register
class FullData(FullOfServer):
    """The disk of the primary's data is full."""
    kind, group, lasts = "full_data", "disk", (2.0, 10.0)

    def folder(self, world: "World") -> Path:
        return world.primary.data.parent


@register
class FullWal(FullOfServer):
    """The disk of the primary's WAL is full: PostgreSQL ends, and cannot start before there is room."""
    kind, group, lasts = "full_wal", "disk", (2.0, 8.0)

    def folder(self, world: "World") -> Path:
        return world.primary.wal.parent

    async def inject(self, world: "World") -> str | None:
        text, primary = await super().inject(world), world.primary

        async def refuses() -> bool:
            with contextlib.suppress(SqlError):
                await primary.sql(USE_WAL, timeout_s=5)
                return False
            return True
        self.felt = await use_up_wal(primary, refuses, 160)
        return f"{text}, and used WAL until there was no room"


@register
class FullStandby(FullOfServer):
    """The disk of the standby's WAL is full: it receives no more, and commits wait for it."""
    kind, group, lasts, role = "full_standby", "disk", (2.0, 8.0), "standby"

    def folder(self, world: "World") -> Path:
        return world.standby.wal.parent

    async def inject(self, world: "World") -> str | None:
        """The primary writes no more WAL than it keeps for a standby that comes back."""
        text = await super().inject(world)

        async def left() -> bool:
            return not await world.standby_in_sync()
        self.felt = await use_up_wal(world.primary, left, 40)
        return f"{text}, and used WAL until there was no room"


@register
class FullLogs(Full):
    """The disk of all logs is full, those of ordersd and those of PostgreSQL."""
    kind, group, lasts = "full_logs", "disk", (2.0, 8.0)

    def folder(self, world: "World") -> Path:
        return world.logs
