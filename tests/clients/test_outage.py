"""A client posts to ordersd while PostgreSQL is killed twice: no order is lost, and none is stored twice. CLIENT names the
client, WORK the folder of programs that are built, and ORDERSD the service's program."""
import asyncio
import contextlib
import os
import unittest
from decimal import Decimal
from pathlib import Path

from chaos.world import World, WorldOptions
from clients import programs

CLIENT, WORK, ORDERSD = os.environ["CLIENT"], Path(os.environ["WORK"]), Path(os.environ["ORDERSD"])
ACCOUNT, ORDERS, BATCH = "desk", 2400, 25
KILLS = (400, 1200)  # after so many printed ids
PATIENCE_S = 60      # of the client
HANGS_S = 120

# A client that has printed ids which nobody reads is stopped by its own output. So it is never far ahead of this test: what
# is buffered on the way, 10 KiB here and 16 KiB in Node, is fewer ids than there are orders left at the last kill.
PIPE_BYTES, READ_AHEAD_BYTES = 4096, 1024

# The server is started again only when the client has seen the outage, so the service does not wait long for it.
SETTINGS = {"ORDERS_COMMIT_TIMEOUT": "2s", "DATABASE_MAX_RETRY_DELAY": "500ms"}


class Run:
    """A run of the client. PostgreSQL is killed when the client has printed so many ids, and started again when the client
    has said that it repeats orders."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: list[str] = []
        self.said: list[str] = []
        self.kills = 0
        self._down = False
        self._starting = asyncio.Lock()  # no kill before the server has started

    async def whole(self) -> int:
        host, port = self.world.http[0]
        argv = programs.command(CLIENT, WORK, f"http://{host}:{port}", ACCOUNT, ORDERS, BATCH, PATIENCE_S)
        child = await asyncio.create_subprocess_exec(
            *argv, cwd=programs.FOLDER, env=programs.environment(WORK), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=READ_AHEAD_BYTES, pipesize=PIPE_BYTES)
        try:
            async with asyncio.timeout(HANGS_S):
                await asyncio.gather(self._read_ids(child.stdout), self._read_words(child.stderr))
                return await child.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()

    async def _read_ids(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.ids.append(line.decode().rstrip("\n"))
            if len(self.ids) in KILLS:
                async with self._starting:
                    self.world.primary.kill()
                    self._down, self.kills = True, self.kills + 1

    async def _read_words(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.said.append(line.decode().rstrip("\n"))
            if self._down and self.said[-1].startswith("again: "):
                async with self._starting:
                    self._down = False
                    await self.world.primary.start()


class Outage(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.world = World(WorldOptions(seed=f"clients/{CLIENT}", program=ORDERSD, settings=SETTINGS))
        self.addAsyncCleanup(self.world.close)
        await self.world.start()

    async def test_no_order_is_lost_or_stored_twice(self) -> None:
        run = Run(self.world)
        code = await run.whole()
        rows = await self.world.rows()
        said = "\n".join(run.said[-10:])
        self.assertEqual((code, run.kills), (0, len(KILLS)), said)
        self.assertTrue(any(line.startswith("again: ") for line in run.said), said)
        self.assertEqual(len(run.ids), ORDERS, said)
        self.assertEqual(sorted((ACCOUNT, name) for name in run.ids), sorted(rows), "printed, and in the table")
        self.assertEqual({row.copies for row in rows.values()}, {1})
        self.assertEqual({row.content.quantity for row in rows.values()}, {"0.100000000000000005"})
        self.assertEqual(sorted(Decimal(row.content.limit_price) for row in rows.values()),
                         [Decimal(1250 + n) / 100 for n in range(ORDERS)])
        self.assertEqual(self.world.unexpected_ends(), [])


if __name__ == "__main__":
    unittest.main()
