"""A synchronous standby that is away: orders are then in the WAL of the primary, and neither visible nor acknowledged. A
poll must not deliver them, and a consumer of a new slot must not miss them."""
import asyncio
import contextlib
import unittest

from chaos import wait
from chaos.sql import SqlError
from consume.case import Case
from consume.document import block
from consume.poller import Store, poll
from consume.stage import INSERT, READER

IN_TABLE = "SELECT count(*) FROM orders WHERE client_order_id = '{cid}'"
AWAITED = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted AND transactionid = '{xid}'"
NEXT_XID = "SELECT pg_snapshot_xmax(pg_current_snapshot())"


CANCEL = f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = '{READER}'"


class WithStandby(Case):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.standby = await self.stage.absent_standby()

    async def insert(self, cid: str) -> None:
        with contextlib.suppress(SqlError):  # of a server that is killed meanwhile
            await self.stage.server.sql(INSERT.format(cid=cid), 60)

    async def insert_and_wait(self, cid: str) -> "asyncio.Task[None]":
        """Returns when the commit waits for the standby."""
        task = asyncio.create_task(self.insert(cid))
        await wait.until(lambda: self.stage.commit_waits("query LIKE 'INSERT%'"), 30, "the commit waits for the standby")
        return task


class Poll(WithStandby):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.store, self.sql = Store(self.stage.folder / "store.sqlite"), block("poll")
        self.addCleanup(self.store.close)

    def poll(self, server) -> bool:
        with contextlib.closing(Store(self.stage.folder / "store.sqlite")) as store:  # of the thread that polls
            return poll(server.conninfo(user=READER), store, self.sql)

    def cids(self) -> set[str]:
        return {row.split("|")[2] for row in self.store.orders().values()}

    async def test_an_order_that_no_standby_has_is_not_delivered(self) -> None:
        """After a crash of the primary such an order is visible. Then the standby becomes the primary, without it."""
        primary, standby = self.stage.server, self.standby
        inserting = await self.insert_and_wait("lost")
        primary.kill()
        await inserting
        await primary.start()
        self.assertEqual(await primary.sql(IN_TABLE.format(cid="lost")), "1", "it is visible")
        polling = asyncio.create_task(asyncio.to_thread(self.poll, primary))
        await wait.until(lambda: polling.done() or self.stage.commit_waits(f"usename = '{READER}'"), 30,
                         "the poll waits for the standby")
        self.assertEqual(await primary.sql(CANCEL), "t")
        self.assertFalse(await polling, "its commit has ended with a warning")
        primary.kill()
        await primary.stop()
        await standby.start()
        await standby.promote()
        self.assertEqual(await standby.sql(IN_TABLE.format(cid="lost")), "0", "the new primary lacks it")
        await standby.sql(INSERT.format(cid="next"))
        self.assertTrue(await asyncio.to_thread(self.poll, standby))
        self.assertEqual(self.cids(), {"next"})


class Slot(WithStandby):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.feed = self.stage.folder / "feed"
        self.feed.mkdir()
        self.env = self.stage.env(feed=str(self.feed))

    async def begin(self):
        """A session with a transaction, and its xid."""
        session = await self.stage.server.session()
        self.addAsyncCleanup(session.close)
        self.assertEqual(await session.run("BEGIN"), "")
        return session, await session.run("SELECT pg_current_xact_id()")

    async def is_awaited(self, xid: str) -> bool:
        return await self.stage.server.sql(AWAITED.format(xid=xid)) != "0"

    async def test_the_copy_has_what_was_committed_before_the_slot_and_became_visible_later(self) -> None:
        """The making of a slot waits twice for transactions that run. An order whose commit record is written after the
        second wait began, and before its end, is not decoded."""
        server = self.stage.server
        first, first_xid = await self.begin()
        making = asyncio.create_task(self.stage.shell("slot", self.env))
        await wait.until(lambda: self.is_awaited(first_xid), 30, "the slot waits for the first transaction")
        second, second_xid = await self.begin()
        self.assertEqual(await first.run("ROLLBACK"), "")
        await wait.until(lambda: self.is_awaited(second_xid), 30, "the slot waits for the second transaction")
        inserting = await self.insert_and_wait("between")
        self.assertEqual(await second.run("ROLLBACK"), "")
        await making
        self.assertEqual(await server.sql(IN_TABLE.format(cid="between")), "0", "it is not visible yet")
        before = int(await server.sql(NEXT_XID))
        copying = asyncio.create_task(self.stage.shell("existing", self.env))

        async def has_begun() -> bool:
            return copying.done() or int(await server.sql(NEXT_XID)) > before

        await wait.until(has_begun, 30, "the copy begins")
        await self.standby.start()
        await inserting
        await copying
        copied = (self.feed / "existing.copy").read_text()
        peeked = await server.sql("SELECT count(*) FROM pg_logical_slot_peek_binary_changes('orders_feed', NULL, NULL, "
                                  "'proto_version', '1', 'publication_names', 'ordersd')")
        self.assertEqual(peeked, "0", "the slot does not have it")
        self.assertIn("\tbetween\t", copied)


if __name__ == "__main__":
    unittest.main()
