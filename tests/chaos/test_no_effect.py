"""A fault that hit nothing says so at its end. Mocks play the world."""
import asyncio
import random
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from chaos.faults import KINDS, Fault, abuse, disk
from chaos.service import SETTINGS
from chaos.sql import SqlError


def made(kind: str) -> Fault:
    return KINDS[kind](random.Random(1))


class NoEffect(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.world = mock.MagicMock()

    async def both(self, fault: Fault) -> str | None:
        self.assertIsNotNone(await fault.inject(self.world))
        return await fault.heal(self.world)

    async def test_a_statement_that_failed(self) -> None:
        self.world.primary.sql = mock.AsyncMock(side_effect=[SqlError("canceled"), "", ""])
        self.assertEqual(await self.both(made("add_column")), "the statement failed: canceled")
        self.world.primary.sql = mock.AsyncMock()
        self.assertIsNone(await self.both(made("add_column")))

    async def test_backends_that_were_not_there(self) -> None:
        for answers, wanted in (([SqlError("gone"), "0"], "no backend"), ([SqlError("gone"), "0", "3"], None)):
            fault = made("terminate_backends")
            fault.params["every_s"] = 0.0
            self.world.primary.session = mock.AsyncMock()
            session = self.world.primary.session.return_value
            session.run = mock.AsyncMock(side_effect=lambda _: _next(answers))
            await fault.inject(self.world)
            while answers:
                await asyncio.sleep(0)
            self.assertIn(wanted or "None", str(await fault.heal(self.world)))
            self.assertGreater(self.world.primary.session.await_count, 1, "a session that fails is followed by another")

    async def test_cuts_that_never_struck(self) -> None:
        for counts, wanted in (([5, 5], False), ([5, 6], True)):
            link = mock.AsyncMock()
            link.counts.side_effect = [{"cuts": count} for count in counts]
            self.world.front = [link]
            self.assertEqual(await self.both(made("cut_clients")) is None, wanted)

    async def test_a_disk_that_nobody_needed(self) -> None:
        primary = mock.Mock(sql=mock.AsyncMock())
        for enough, wanted in ((False, False), (True, True)):
            self.assertEqual(await disk.use_up_wal(primary, mock.AsyncMock(return_value=enough), 4), wanted)
        fault = made("full_logs")
        with mock.patch.object(disk, "fill", return_value=0), tempfile.TemporaryDirectory() as folder:
            self.world.logs = Path(folder)
            self.assertEqual(await self.both(fault), "nobody lacked the room")

    async def test_abusive_clients_that_ended_by_themselves(self) -> None:
        for lived in (False, True):
            process = mock.Mock(kill=mock.Mock(return_value=lived), end=mock.AsyncMock(return_value=1))
            with mock.patch.object(abuse, "Process", return_value=process):
                self.assertEqual(await self.both(made("slow_senders")) is None, lived)

    async def test_a_storm_is_more_than_all_replicas_serve(self) -> None:
        for replicas in (1, 3):
            self.world.replicas = [mock.Mock(port=n, settings=SETTINGS) for n in range(replicas)]
            with mock.patch.object(abuse, "Process") as process:
                for n in range(20):
                    await KINDS["connection_storm"](random.Random(n), replicas).inject(self.world)
            for call in process.call_args_list:
                *_, ports, count, _ = call.args[0]
                self.assertGreaterEqual(int(count), 400 * replicas + 100)
                self.assertEqual(len(ports.split(",")), replicas)

    async def test_a_storm_that_stayed_below_the_limit(self) -> None:
        for metrics, wanted in (({"http_server_open_connections": 300.0}, False), ({}, True),
                                ({"http_server_open_connections": 399.0}, True)):
            replica = mock.Mock(port=1, settings=SETTINGS, metrics=mock.AsyncMock(return_value=metrics))
            self.world.replicas = [replica]
            process = mock.Mock(kill=mock.Mock(return_value=True), end=mock.AsyncMock(return_value=-9))
            with mock.patch.object(abuse, "Process", return_value=process):
                self.assertEqual(await self.both(made("connection_storm")) is None, wanted)


def _next(answers: list) -> str:
    """The next answer; "0" for ever after the last."""
    answer = answers.pop(0) if answers else "0"
    if isinstance(answer, Exception):
        raise answer
    return answer


if __name__ == "__main__":
    unittest.main()
