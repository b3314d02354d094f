"""Logical replication into another PostgreSQL, as docs/CONSUMING.md has it."""
import unittest

from chaos import wait
from chaos.postgres import DATABASE
from chaos.sql import SqlError
from consume.case import Case, Rows
from consume.document import block
from consume.stage import INSERT, READER

COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute
WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname"""
COPIED = "SELECT order_id, account_id, client_order_id FROM orders"


class Replication(Case):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.copy = self.stage.make_server("copy")
        await self.copy.create()
        await self.copy.start()
        await self.copy.sql(f"CREATE DATABASE {DATABASE} ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0",
                            database="postgres")

    async def subscribe(self) -> None:
        await self.run_block("subscribe")

    async def run_block(self, name: str) -> None:
        publisher = self.stage.server.conninfo(user=READER)
        await self.copy.sql(f"\\set publisher '{publisher}'\n{block(name)}", timeout_s=30)

    async def arrived(self) -> Rows:
        try:
            lines = (await self.copy.sql(COPIED, 30, separator="\t")).splitlines()
        except SqlError:  # it starts again
            return []
        return [(order_id, account, cid) for order_id, account, cid in (line.split("\t") for line in lines)]

    async def kill_copy(self) -> None:
        await self.stage.kill_server(self.copy)

    async def test_every_acknowledged_order_arrives(self) -> None:
        async with self.stage.load():  # some are there before the subscription
            await self.stage.wait_for_more(100)
        await self.subscribe()
        await self.under_kills(self.kill_copy, self.arrived)
        await self.compare("logical replication", self.arrived)
        # A new order may have the client_order_id of one that was removed at the publisher and is in the copy.
        await self.after_removal(self.stage.order(*self.stage.stored().key), self.arrived)

    async def test_every_column_is_received(self) -> None:
        """A subscription fails if the copy lacks a column. Here a migration that forgets the page fails at once."""
        await self.subscribe()
        columns = (await self.stage.server.sql(COLUMNS)).splitlines()
        self.assertEqual((await self.copy.sql(COLUMNS)).splitlines(), columns)
        for name in ("existing", "poll"):
            for column in columns:
                self.assertIn(column.split("|")[0], block(name), f"the block {name} of CONSUMING.md")

    async def test_a_slot_that_is_lost(self) -> None:
        """Orders that were removed stay in the copy, and those that were stored since are copied."""
        publisher = self.stage.server
        await self.subscribe()
        await publisher.sql(INSERT.format(cid="removed"))
        await self.until_arrived("removed")
        await publisher.sql("DELETE FROM orders")
        await self.copy.sql("ALTER SUBSCRIPTION orders_copy DISABLE")
        await wait.until(self.slot_dropped, 30, "the slot is dropped", 0.2)
        await publisher.sql(INSERT.format(cid="since"))
        await self.run_block("resubscribe")
        await publisher.sql(INSERT.format(cid="later"))
        await wait.until(self.all_copied, 30, "the table is copied", 0.2)
        await self.run_block("bring_back")
        await self.until_arrived("removed", "since", "later")

    async def slot_dropped(self) -> bool:
        await self.stage.server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        return await self.stage.server.sql("SELECT count(*) FROM pg_replication_slots") == "0"

    async def all_copied(self) -> bool:
        return await self.copy.sql("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel") == "t"

    async def until_arrived(self, *cids: str) -> None:
        async def arrived() -> bool:
            return sorted(row[2] for row in await self.arrived()) == sorted(cids)

        await wait.until(arrived, 30, f"{cids} are in the copy", 0.2)


if __name__ == "__main__":
    unittest.main()
