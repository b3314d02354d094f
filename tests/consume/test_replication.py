"""Logical replication into another PostgreSQL, as docs/CONSUMING.md has it."""
import unittest

from chaos.postgres import DATABASE
from chaos.sql import SqlError
from consume.case import Case, Rows
from consume.document import block
from consume.stage import READER

COPIED = "SELECT order_id, account_id, client_order_id FROM orders"


class Replication(Case):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.copy = self.stage.make_server("copy")
        self.addAsyncCleanup(self.copy.stop, "immediate")
        await self.copy.create()
        await self.copy.start()
        await self.copy.sql(f"CREATE DATABASE {DATABASE} ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0",
                            database="postgres")

    async def subscribe(self) -> None:
        publisher = self.stage.server.conninfo(user=READER)
        await self.copy.sql(f"\\set publisher '{publisher}'\n{block('subscribe')}", timeout_s=30)

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
        await self.under_kills(self.kill_copy)
        await self.compare("logical replication", self.arrived)
        # A new order may have the client_order_id of one that was removed at the publisher and is in the copy.
        await self.after_removal(self.stage.order(*self.stage.stored().key), self.arrived)


if __name__ == "__main__":
    unittest.main()
