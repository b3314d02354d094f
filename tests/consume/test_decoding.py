"""Logical decoding into files by pg_recvlogical, as docs/CONSUMING.md has it; and an abandoned slot."""
import unittest

from chaos import wait
from consume.case import Case, Rows
from consume.document import block
from consume.pgoutput import orders_of
from consume.stage import Kept


class Decoding(Case):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.feed = self.stage.folder / "feed"
        self.feed.mkdir()
        self.env = self.stage.env(feed=str(self.feed))

    async def arrived(self) -> Rows:
        """What a consumer has that drops an order_id which it has: the copy first, then the files by age."""
        found: dict[str, tuple[str, str, str]] = {}
        self.read = 0
        for line in (self.feed / "existing.copy").read_text().rstrip("\n").split("\n"):
            order_id, account, cid = line.split("\t")[:3]
            found[order_id] = (order_id, account, cid)
        for path in sorted(self.feed.glob("*.pgoutput")):
            for order in orders_of(path):
                self.read += 1
                row = (order["order_id"] or "", order["account_id"] or "", order["client_order_id"] or "")
                found.setdefault(row[0], row)
        return list(found.values())

    async def test_every_acknowledged_order_arrives(self) -> None:
        async with self.stage.load():  # some are there before the slot
            await self.stage.wait_for_more(100)
            await self.stage.shell("slot", self.env)
            await self.stage.wait_for_more(20)
            await self.stage.shell("existing", self.env)
        receiver = Kept(["/bin/bash", "-c", "exec " + block("receive")], self.env, self.stage.folder / "receive.log")
        self.addAsyncCleanup(receiver.stop)
        await self.under_kills(receiver.kill, self.arrived)
        await self.compare("logical decoding", self.arrived)
        files = len(list(self.feed.glob("*.pgoutput")))
        self.assertGreaterEqual(receiver.starts, 3, "it was killed twice")
        print(f"logical decoding: {self.read} messages with an order in {files} files", flush=True)
        await self.after_removal(self.stage.order("after", "removal"), self.arrived)


class Abandoned(Case):
    async def test_a_slot_keeps_wal_until_it_is_dropped(self) -> None:
        stage = self.stage
        assert stage.service
        await stage.shell("slot", stage.env())

        async def kept() -> float:
            return (await stage.service.metrics()).get("ordersd_database_slot_wal_bytes", -1)

        async with stage.load():
            await stage.wait_for_more()

        async def keeps() -> bool:
            return await kept() > 50_000

        async def keeps_none() -> bool:
            return await kept() == 0

        await wait.until(keeps, 30, "the metric shows the WAL that the slot keeps", 0.2)
        self.assertEqual(await stage.server.sql(block("drop")), "")  # a function that returns void
        self.assertEqual(await stage.server.sql("SELECT count(*) FROM pg_replication_slots"), "0")
        await wait.until(keeps_none, 30, "the metric falls to 0", 0.2)


class Publication(Case):
    async def test_the_command_may_run_again(self) -> None:
        said = await self.stage.shell("publication", self.stage.migrating())
        self.assertIn("publication.ready", said)
        self.assertNotIn("publication.not_readable", said)

    async def test_the_role_of_the_service_may_not_make_one(self) -> None:
        await self.stage.server.sql("DROP PUBLICATION ordersd")
        env = self.stage.migrating("ordersd_app")
        with self.assertRaisesRegex(RuntimeError, "must own the table orders"):
            await self.stage.shell("publication", env)


if __name__ == "__main__":
    unittest.main()
