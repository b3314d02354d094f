"""Polling with SQL, as docs/CONSUMING.md has it: beside a poll by received_at, which loses orders that are committed
late."""
import asyncio
import contextlib
import os
import sys
import unittest
from collections.abc import Awaitable, Callable
from pathlib import Path

from chaos import wait
from chaos.history import CREATED, Request
from chaos.orders import render
from consume.case import Case, Rows
from consume.document import block
from consume.poller import START, State, Store, poll
from consume.stage import INSERT, READER, Kept

ROOM_S = 8  # with the commit timeout of SETTINGS: twice that, and six seconds for a busy machine
TESTS = Path(__file__).resolve().parents[1]

# What the document warns of.
WRONG = "SELECT received_at, client_order_id FROM orders WHERE received_at > '{last}' ORDER BY received_at"

FILL = """
INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, time_in_force, received_at)
SELECT 'A', n::text, (lpad(to_hex({first_ms}::bigint + n), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' ||
       lpad(to_hex(n), 15, '0'))::uuid, 'X', 'buy', 'market', 1, 'day', now() FROM generate_series(1, 20000) AS n"""


class WrongPoller:
    """Asks for what was received after the last order that it has seen."""

    def __init__(self, sql: Callable[[str], Awaitable[str]]) -> None:
        self._sql, self._last = sql, "-infinity"
        self.seen: set[str] = set()

    async def poll(self) -> None:
        for line in (await self._sql(WRONG.format(last=self._last))).splitlines():
            self._last, cid = line.split("|")
            self.seen.add(cid)


class PollingCase(Case):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await self.stage.server.sql(f"ALTER ROLE {READER} NOREPLICATION")  # which polling does not need
        self.path = self.stage.folder / "store.sqlite"
        self.conninfo = self.stage.server.conninfo(user=READER)

    def open_store(self, path: Path | None = None) -> Store:
        store = Store(path or self.path)
        self.addCleanup(store.close)
        return store


class UnderLoad(PollingCase):
    SETTINGS = {"ORDERS_COMMIT_TIMEOUT": "1s"}

    async def arrived(self) -> Rows:
        with contextlib.closing(Store(self.path)) as store:
            rows = [row.split("|", 3) for row in store.orders().values()]
        return [(row[0], row[1], row[2]) for row in rows]

    async def test_every_acknowledged_order_arrives(self) -> None:
        sql = self.stage.folder / "poll.sql"
        sql.write_text(block("poll", room=f"{ROOM_S} seconds"))
        argv = [sys.executable, "-m", "consume.poller", "--database", self.conninfo, "--sql", str(sql), "--pause", "0.1", str(self.path)]
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}
        poller = Kept(argv, env, self.stage.folder / "poller.log")
        self.addAsyncCleanup(poller.stop)
        async with self.stage.load():  # so that the position is among the orders when the kills begin
            await self.stage.wait_for_more(100)
            await wait.until(lambda: self.passed() > 0, 60, "the position passes an order", 0.2)
        passed = self.passed()
        await self.under_kills(poller.kill, self.arrived)
        await self.compare("polling", self.arrived)
        self.assertGreaterEqual(poller.starts, 3, "it was killed twice")
        await wait.until(lambda: self.passed() > passed, 60, "the position passes more orders", 0.2)
        state = self.state()
        print(f"polling: {state.polls} polls, {state.repeated} orders read again, {self.passed()} below the position",
              flush=True)

    def state(self) -> State:
        with contextlib.closing(Store(self.path)) as store:
            return store.state()

    def passed(self) -> int:
        """How many acknowledged orders are below the position, so that no poll reads them again."""
        position = self.state().position
        return sum(order_id < position for order_id in self.stage.acknowledged())


class Late(PollingCase):
    """Orders that are committed later than orders that were received after them."""
    SETTINGS = {"ORDERS_COMMIT_TIMEOUT": "20s"}

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.store, self.wrong = self.open_store(), WrongPoller(self.stage.server.sql)
        self.session = await self.stage.server.session()
        self.addAsyncCleanup(self.session.close)

    def cids(self, store: Store | None = None) -> set[str]:
        return {row.split("|")[2] for row in (store or self.store).orders().values()}

    async def poll_both(self, sql: str) -> None:
        self.assertTrue(poll(self.conninfo, self.store, sql))
        await self.wrong.poll()

    async def hold(self) -> None:
        """A transaction inserts the order and stays open."""
        for text in ("BEGIN", INSERT.format(cid="late")):
            self.assertEqual(await self.session.run(text), "")

    async def test_a_transaction_that_is_held_open(self) -> None:
        """Without any room: the xids alone keep the position below the order."""
        server, sql = self.stage.server, block("poll", room="0 seconds")
        await self.hold()
        for cid in ("early-1", "early-2", "early-3"):
            await server.sql(INSERT.format(cid=cid))
            await self.poll_both(sql)
        self.assertEqual(self.store.state().position, START, "the transaction has not ended")
        self.assertEqual(await self.session.run("COMMIT"), "")
        await self.poll_both(sql)
        self.assertEqual(self.cids(), {"early-1", "early-2", "early-3", "late"})
        self.assertEqual(self.wrong.seen, {"early-1", "early-2", "early-3"}, "the wrong way has lost the order")
        await wait.until(lambda: poll(self.conninfo, self.store, sql) and self.store.state().position > START, 30,
                         "the position moves")
        await server.sql(INSERT.format(cid="last"))
        await self.poll_both(sql)
        self.assertIn("last", self.cids())

    async def test_an_order_that_waits_for_a_lock(self) -> None:
        """Somebody holds the key of an order that the service has received, and lets it go after another order."""
        sql = block("poll", room="60 seconds")
        await self.hold()
        waiting = asyncio.create_task(self.post("late"))
        await wait.until(self.somebody_waits, 20, "the order waits for the lock", 0.02)
        self.assertEqual((await self.post("early")).verdicts[0].outcome, CREATED)
        await self.poll_both(sql)
        self.assertEqual(await self.session.run("ROLLBACK"), "")
        self.assertEqual((await waiting).verdicts[0].outcome, CREATED)
        await self.poll_both(sql)
        self.assertEqual(self.cids(), {"early", "late"})
        self.assertEqual(self.wrong.seen, {"early"}, "the wrong way has lost the order")

    async def test_an_order_that_waits_before_it_has_an_xid(self) -> None:
        """Somebody has locked the table. Only the room keeps the position below the order: without it, the order is lost."""
        short = self.open_store(self.stage.folder / "short.sqlite")
        self.assertEqual(await self.session.run("BEGIN; LOCK TABLE orders IN SHARE MODE"), "")
        waiting = asyncio.create_task(self.post("late"))
        await wait.until(self.somebody_waits, 20, "the order waits for the lock", 0.02)

        def polls() -> bool:
            self.assertTrue(poll(self.conninfo, self.store, block("poll")))
            self.assertTrue(poll(self.conninfo, short, block("poll", room="0 seconds")))
            return short.state().position > START

        await wait.until(polls, 20, "the position without room moves")
        self.assertEqual(await self.session.run("ROLLBACK"), "")
        self.assertEqual((await waiting).verdicts[0].outcome, CREATED)
        polls()
        self.assertEqual(self.cids(), {"late"})
        self.assertEqual(self.cids(short), set(), "without room it is lost")

    async def post(self, cid: str) -> Request:
        http, sent = self.stage.client(cid), self.stage.order("A", cid)
        self.addCleanup(http.hang_up)
        return await http.post("single", [sent], render(sent).encode())

    async def somebody_waits(self) -> bool:
        return await self.stage.server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != "0"


class Range(PollingCase):
    async def test_the_index_finds_it(self) -> None:
        """Of 20,000 orders a millisecond apart, the last thousand."""
        server, first_ms = self.stage.server, 10 ** 12
        await server.sql(FILL.format(first_ms=first_ms))
        await server.sql("ANALYZE orders")
        select = next(text for text in block("poll").split(";") if "FROM orders" in text)
        position = f"{first_ms + 19_000:012x}" + "0" * 20
        plan = await server.sql(f"\\set position '{position}'\nEXPLAIN (COSTS OFF) {select}")
        self.assertIn("orders_order_id", plan)
        self.assertNotIn("Seq Scan", plan)


if __name__ == "__main__":
    unittest.main()
