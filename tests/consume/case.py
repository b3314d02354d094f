"""The course that every way of consuming has to survive, and the comparison at its end."""
import unittest
from collections.abc import Awaitable, Callable

from chaos import wait
from chaos.history import Sent
from chaos.orders import render
from consume.stage import Stage, complaint

ARRIVED_S = 60.0

Rows = list[tuple[str, str, str]]  # order_id, account_id, client_order_id


class Case(unittest.IsolatedAsyncioTestCase):
    SETTINGS: dict[str, str] = {}

    async def asyncSetUp(self) -> None:
        self.stage = Stage(self.SETTINGS)
        self.addAsyncCleanup(self.stage.close)
        await self.stage.start()

    async def under_kills(self, kill_consumer: Callable[[], Awaitable[None]],
                          arrived: Callable[[], Awaitable[Rows]]) -> None:
        """Load, while the consumer, the service and the database are killed one after the other."""
        stage = self.stage
        async with stage.load():
            await stage.wait_for_more()
            await self.more_arrive(arrived)
            await kill_consumer()
            await stage.wait_for_more()
            await stage.kill_service()
            await stage.wait_for_more()
            await stage.kill_server()
            await stage.wait_for_more()
            await self.more_arrive(arrived)
            await kill_consumer()
            await stage.wait_for_more(50)

    async def more_arrive(self, arrived: Callable[[], Awaitable[Rows]]) -> None:
        """Until the consumer has received one more order: it is at work when it is killed."""
        before = len(await arrived())

        async def more() -> bool:
            return len(await arrived()) > before

        await wait.until(more, ARRIVED_S, "the consumer receives orders", 0.1)

    async def after_removal(self, sent: Sent, arrived: Callable[[], Awaitable[Rows]]) -> None:
        """Removes all orders, then stores this one: it arrives, and the consumer keeps what it had."""
        before = {row[0] for row in await arrived()}
        await self.stage.server.sql("DELETE FROM orders")
        http = self.stage.client("after-removal")
        self.addCleanup(http.hang_up)
        request = await http.post("single", [sent], render(sent).encode())
        self.assertEqual(request.status, 201, request.code)

        async def has_come() -> bool:
            return {request.verdicts[0].order_id, *before} <= {row[0] for row in await arrived()}

        await wait.until(has_come, 30, "the order after the removal arrives, and the others are kept", 0.2)

    async def compare(self, way: str, arrived: Callable[[], Awaitable[Rows]]) -> None:
        """Waits until every acknowledged order has arrived, then says what is wrong."""
        acknowledged = self.stage.acknowledged()

        async def all_here() -> bool:
            return acknowledged <= {row[0] for row in await arrived()}

        try:
            await wait.until(all_here, ARRIVED_S, "every acknowledged order arrives", 0.3)
        except wait.TooLate:
            pass  # complaint() says how many are missing
        rows = await arrived()
        stored = set((await self.stage.server.sql("SELECT order_id FROM orders", 30)).split())
        self.assertIsNone(complaint(way, acknowledged, rows, stored))
        assert self.stage.service
        self.assertEqual(self.stage.service.unexpected, [])
