"""The proxy counts bytes exactly, cuts after the byte that it was told, and does nothing else to a stream."""
import asyncio
import contextlib
import os
import socket
import tempfile
import time
import unittest
from pathlib import Path

from chaos import wait
from chaos.links import Link, Proxy, ProxyError
from chaos.proxy_link import ProxyLink
from chaos.proxy_pair import Pair

SOON_S = 10.0
SHORT_S = 0.3  # long enough to see that nothing comes


class Echo:
    """A server that sends back what it gets, and knows what that was."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ends: list[str] = []  # of its connections: "closed" or "reset"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.got += data
                writer.write(data)
                await writer.drain()
            self.ends.append("closed")
        except ConnectionError:
            self.ends.append("reset")
        writer.close()


class Client:
    @staticmethod
    async def to(link: Link) -> "Client":
        return Client(*await asyncio.wait_for(asyncio.open_connection("127.0.0.1", link.port), SOON_S))

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def read(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), SOON_S)

    async def rest(self) -> tuple[bytes, str]:
        """All that comes until the end, and which end that is."""
        got = bytearray()
        try:
            while data := await asyncio.wait_for(self.reader.read(65536), SOON_S):
                got += data
            return bytes(got), "closed"
        except ConnectionError:
            return bytes(got), "reset"

    async def silent(self) -> bool:
        try:
            await asyncio.wait_for(self.reader.read(1), SHORT_S)
            return False
        except asyncio.TimeoutError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def pattern(size: int) -> bytes:
    return bytes(i * 7 % 251 for i in range(size))


class ProxyTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.echo = Echo()
        self.server = await asyncio.start_server(self.echo.serve, "127.0.0.1", 0)
        self.target = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.proxy = await Proxy.start(Path(self.folder.name))
        self.link = await self.proxy.open("echo", self.target)
        self.clients: list[Client] = []

    async def asyncTearDown(self) -> None:
        for client in self.clients:
            await client.close()
        await self.proxy.close()
        self.server.close()
        self.folder.cleanup()

    async def dial(self, link: Link | None = None) -> Client:
        client = await Client.to(link or self.link)
        self.clients.append(client)
        return client

    async def until_counts(self, **wanted: int) -> dict[str, int]:
        end = time.monotonic() + SOON_S
        while True:
            counts = await self.link.counts()
            if all(counts[name] == value for name, value in wanted.items()):
                return counts
            self.assertLess(time.monotonic(), end, f"{counts}, wanted {wanted}")
            await asyncio.sleep(0.01)

    # ---- nothing is done ----

    async def test_passes_all_bytes_and_counts_them(self) -> None:
        client, data = await self.dial(), pattern(3_000_000)
        sending = asyncio.create_task(client.send(data))
        self.assertEqual(await client.read(len(data)), data)
        await sending
        await self.until_counts(up=len(data), down=len(data), accepted=1, open=1)

    async def test_the_end_of_one_way_passes_and_the_other_goes_on(self) -> None:
        client = await self.dial()
        await client.send(b"last")
        client.writer.write_eof()
        self.assertEqual(await client.rest(), (b"last", "closed"))
        await self.until_counts(open=0)
        self.assertEqual(self.echo.ends, ["closed"])

    async def test_a_reset_passes(self) -> None:
        client = await self.dial()
        await client.send(b"x")
        await client.read(1)
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.writer.transport.abort()
        await self.until_counts(open=0)
        self.assertEqual(self.echo.ends, ["reset"])

    async def test_a_target_that_is_away_resets_the_client(self) -> None:
        link = await self.proxy.open("nobody", "127.0.0.1:1")
        with contextlib.suppress(ConnectionResetError):  # it may come before the dial is over here
            client = await self.dial(link)
            self.assertEqual(await client.rest(), (b"", "reset"))
        self.assertEqual((await link.counts())["dial_failures"], 1)

    # ---- cuts ----

    async def test_cuts_after_each_byte_of_the_way_down(self) -> None:
        data = pattern(40)
        for n in range(len(data)):
            await self.link.cut_after("down", [n])
            client = await self.dial()
            await client.send(data)
            self.assertEqual(await client.rest(), (data[:n], "reset"))
        self.assertEqual((await self.link.counts())["cuts"], len(data))

    async def test_cuts_after_each_byte_of_the_way_up(self) -> None:
        data = pattern(40)
        for n in range(len(data)):
            self.echo.got.clear()
            await self.link.cut_after("up", [n])
            client = await self.dial()
            await client.send(data)
            await client.rest()
            await self.until_counts(open=0, cuts=n + 1)
            await self.until_ends(n + 1)
            self.assertEqual(bytes(self.echo.got), data[:n])

    async def until_ends(self, wanted: int) -> None:
        end = time.monotonic() + SOON_S
        while len(self.echo.ends) < wanted and time.monotonic() < end:
            await asyncio.sleep(0.005)
        self.assertEqual(len(self.echo.ends), wanted)

    async def test_cuts_after_a_byte_far_inside_a_large_stream(self) -> None:
        data = pattern(1_000_000)
        await self.link.cut_after("down", [765_432], how="close")
        client = await self.dial()
        sending = asyncio.create_task(client.send(data))
        got, _ = await client.rest()
        await sending
        self.assertEqual(got, data[:765_432])
        self.assertEqual((await self.link.counts())["down"], 765_432)

    async def test_a_cut_closes_where_it_is_told_to(self) -> None:
        await self.link.cut_after("down", [2], how="close")
        client = await self.dial()
        await client.send(b"abc")
        self.assertEqual(await client.rest(), (b"ab", "closed"))

    async def test_counts_over_all_connections_and_cuts_one(self) -> None:
        await self.link.cut_after("down", [5])
        first, second = await self.dial(), await self.dial()
        await first.send(b"abc")
        self.assertEqual(await first.read(3), b"abc")
        await second.send(b"def")
        self.assertEqual(await second.rest(), (b"de", "reset"))
        await first.send(b"ghi")
        self.assertEqual(await first.read(3), b"ghi")

    async def test_cuts_every_connection_and_then_again(self) -> None:
        await self.link.cut_after("down", [1, 2], every=True)
        first, second = await self.dial(), await self.dial()
        await self.until_counts(accepted=2)
        await first.send(b"abc")
        self.assertEqual(await first.rest(), (b"a", "reset"))
        self.assertEqual(await second.rest(), (b"", "reset"))
        third = await self.dial()
        await third.send(b"abc")
        self.assertEqual(await third.rest(), (b"ab", "reset"))
        fourth = await self.dial()
        await fourth.send(b"abc")
        self.assertEqual(await fourth.read(3), b"abc")

    async def test_cuts_now(self) -> None:
        client = await self.dial()
        await client.send(b"abc")
        await client.read(3)
        await self.link.cut()
        self.assertEqual(await client.rest(), (b"", "reset"))

    async def test_heal_disarms(self) -> None:
        await self.link.cut_after("down", [1])
        await self.link.heal()
        client = await self.dial()
        await client.send(b"abc")
        self.assertEqual(await client.read(3), b"abc")

    # ---- holding, forgetting, not letting in ----

    async def test_holds_one_way_and_releases_in_order(self) -> None:
        client, data = await self.dial(), pattern(500_000)
        await self.link.set(hold=["down"])
        sending = asyncio.create_task(client.send(data))
        self.assertTrue(await client.silent())
        self.assertGreater((await self.link.counts())["up"], 0)
        self.assertEqual((await self.link.counts())["down"], 0)
        await self.link.heal()
        self.assertEqual(await client.read(len(data)), data)
        await sending

    async def test_a_held_end_arrives_after_the_release(self) -> None:
        client = await self.dial()
        await client.send(b"a")
        await client.read(1)
        await self.link.set(hold=["up"])
        await client.send(b"b")
        client.writer.write_eof()
        self.assertTrue(await client.silent())
        self.assertEqual((bytes(self.echo.got), self.echo.ends), (b"a", []))
        await self.link.heal()
        self.assertEqual(await client.rest(), (b"b", "closed"))

    async def test_forgets_open_connections_and_not_new_ones(self) -> None:
        old = await self.dial()
        await old.send(b"a")
        await old.read(1)
        await self.link.forget()
        new = await self.dial()
        await new.send(b"new")
        self.assertEqual(await new.read(3), b"new")
        await old.send(b"old")
        self.assertTrue(await old.silent())
        await self.link.cut_forgotten()
        self.assertEqual(await old.rest(), (b"", "reset"))
        self.assertEqual(bytes(self.echo.got), b"anew")

    async def test_refuses_dials_and_keeps_the_port(self) -> None:
        open_one = await self.dial()
        await self.link.set(listening="refuse")
        with self.assertRaises(ConnectionRefusedError):
            await self.dial()
        await open_one.send(b"abc")
        self.assertEqual(await open_one.read(3), b"abc")
        await self.link.heal()
        self.assertEqual(await self.talk(), b"abc")

    async def test_drops_dials(self) -> None:
        await self.link.set(listening="black_hole")
        for _ in range(3):
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.link.port), SHORT_S)
        await self.link.heal()
        self.assertEqual(await self.talk(), b"abc")

    async def talk(self) -> bytes:
        client = await self.dial()
        await client.send(b"abc")
        return await client.read(3)

    # ---- slow and narrow ----

    async def test_delays_each_way(self) -> None:
        await self.link.set(delay_s=0.1)
        began = time.monotonic()
        self.assertEqual(await self.talk(), b"abc")
        self.assertGreaterEqual(time.monotonic() - began, 0.2)

    async def test_narrows_to_a_rate_and_keeps_every_byte(self) -> None:
        await self.link.set(rate=20_000)
        client, data = await self.dial(), pattern(10_000)
        began = time.monotonic()
        await client.send(data)
        self.assertEqual(await client.read(len(data)), data)
        self.assertGreaterEqual(time.monotonic() - began, 0.4)  # the last piece need not be waited for

    async def test_a_narrow_way_that_is_healed_is_wide_at_once(self) -> None:
        await self.link.set(rate=100)
        client, data = await self.dial(), pattern(100_000)
        await client.send(data)
        await self.link.heal()
        self.assertEqual(await client.read(len(data)), data)

    async def test_so_is_one_that_many_wait_for(self) -> None:
        """Connections share the rate, so the last one would wait for half a minute."""
        await self.link.set(rate=1)
        clients = [await self.dial() for _ in range(30)]
        for client in clients:
            await client.send(b"a")
        await wait.until(lambda: self.echo.got, SOON_S, "the first byte")
        await self.link.heal()
        self.assertEqual(await asyncio.gather(*(client.read(1) for client in clients)), [b"a"] * 30)

    async def test_cuts_a_slow_stream_after_the_byte(self) -> None:
        await self.link.set(rate=50_000)
        await self.link.cut_after("down", [1234])
        client = await self.dial()
        await client.send(pattern(5000))
        self.assertEqual(await client.rest(), (pattern(1234), "reset"))

    # ---- commands ----

    async def test_says_what_is_wrong_with_a_command(self) -> None:
        for command in ({"do": "dance", "link": "echo"}, {"do": "cut", "link": "no such"},
                        {"do": "open", "link": "echo"},
                        {"do": "cut_after", "link": "echo", "direction": "up", "bytes": [-1], "every": False,
                         "how": "reset"},
                        {"do": "cut", "link": "echo", "how": "gently"}):
            with self.assertRaises(ProxyError):
                await self.proxy.tell(**command)
        self.assertEqual(await self.talk(), b"abc")

    async def test_close_ends_the_process(self) -> None:
        pid = self.proxy.process.pid
        await self.proxy.close()
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)


class CutAtOnce(unittest.IsolatedAsyncioTestCase):
    async def test_a_connection_that_is_cut_before_its_transport_is_there_ends(self) -> None:
        """Else its client waits for ever: nothing reads, and nothing closes."""
        link = ProxyLink("echo", "127.0.0.1:1", 0)
        client, accepted = socket.socketpair()
        client.setblocking(False)
        accepted.setblocking(False)
        pair = Pair(link)
        serving = asyncio.create_task(pair.serve(accepted))
        pair.end("reset")
        await asyncio.wait_for(serving, SOON_S)
        self.assertEqual(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), SOON_S), b"")
        client.close()
        link.listener.close(asyncio.get_running_loop())
        link.listener.keeper.close()


if __name__ == "__main__":
    unittest.main()
