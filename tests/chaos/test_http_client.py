"""The client against servers that answer well, badly, twice or not at all: each ends as what it was."""
import asyncio
import random
import unittest
from unittest import mock

from chaos.handmade import order
from chaos.history import History
from chaos.http_client import HttpClient, GiveUp, Limits
from chaos.http_connection import Connection, NotSent

BODY = b"{}"
GOOD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n" + BODY
LIMITS = Limits(write_bound=0.2, read_bound=0.2, patience=0.2, dial=0.5)


class Server:
    """Answers each request by the next of its answers; None: never; b'': ends the connection."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.connections = 0
        self.heard = b""

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            while data := await reader.read(65536):
                self.heard += data
                answer = self._answers.pop(0) if self._answers else None
                if answer is None:
                    continue
                writer.write(answer)
                await writer.drain()
                if not answer:
                    break
        except ConnectionError:
            pass
        writer.close()


async def ask(server, times=1, give_up=None):
    history = History()
    http = HttpClient("c", history, [server.address], random.Random(1), LIMITS, None)
    for _ in range(times):
        await http.post("single", [order()], b'{"a":1}', give_up=give_up)
    http.hang_up()
    return history.requests


class Wire(unittest.IsolatedAsyncioTestCase):
    async def test_a_connection_is_kept(self):
        async with Server(GOOD, GOOD) as server:
            first, second = await ask(server, 2)
        self.assertEqual((first.end, first.code), ("answered", "bare_503"))
        self.assertEqual((second.connection, server.connections), (first.connection, 1))

    async def test_an_answer_in_parts(self):
        async with Server(GOOD[:9]) as server:
            asking = asyncio.create_task(ask(server))
            await asyncio.sleep(0.05)
            self.assertFalse(asking.done())
            self.assertEqual((await asking)[0].end, "deadline")

    async def test_a_connection_that_says_close_is_not(self):
        close = GOOD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        async with Server(close, GOOD) as server:
            await ask(server, 2)
        self.assertEqual(server.connections, 2)

    async def test_ended_before_an_answer(self):
        async with Server(b"") as server:
            request, = await ask(server)
        self.assertEqual((request.end, request.verdicts[0].outcome), ("closed", "unknown"))

    async def test_ended_before_the_request(self):
        """As behind a proxy that finds nobody: the dial succeeds, and the end comes before anything is sent."""
        async with Server() as server:
            connection = await Connection.dial(*server.address, 1)
            connection.abort()
            await asyncio.sleep(0)
            with self.assertRaises(NotSent):
                await connection.ask(b"GET / HTTP/1.1\r\n\r\n", 5)

    async def test_ended_before_the_request_is_not_sent(self):
        async with Server() as server:
            for give_up in (None, GiveUp()):
                history = History()
                http = HttpClient("c", history, [server.address], random.Random(1), LIMITS, None)
                with mock.patch.object(Connection, "usable", False):
                    await http.post("single", [order()], b'{"a":1}', give_up=give_up)
                self.assertEqual(history.requests[0].verdicts[0].outcome, "unsent")

    async def test_never_answered(self):
        async with Server(None) as server:
            request, = await ask(server)
        self.assertEqual((request.end, request.verdicts[0].outcome), ("deadline", "unknown"))
        self.assertGreater(request.ended - request.began, request.bound)

    async def test_no_connection(self):
        async with Server() as server:
            pass
        await asyncio.sleep(0.01)
        request, = await ask(server)
        self.assertEqual((request.end, request.verdicts[0].outcome), ("dial", "unsent"))

    async def test_malformed(self):
        for why, answer in (("two answers", GOOD + GOOD), ("no length", GOOD.replace(b"Content-Length: 2\r\n", b"")),
                            ("a byte too many", GOOD + b"x"), ("no status", b"HTTP/2 200\r\n\r\n"),
                            ("a bare line feed", GOOD.replace(b"l\r\n", b"l\n")),
                            ("two lengths", GOOD.replace(b"Content-Length", b"Content-Length: 2\r\nContent-Length"))):
            with self.subTest(why):
                async with Server(answer) as server:
                    request, = await ask(server)
                self.assertIsNotNone(request.flaw)
                self.assertEqual(request.verdicts[0].outcome, "unknown")

    async def test_bytes_that_nobody_asked_for(self):
        async with Server(GOOD, GOOD) as server:
            history = History()
            http = HttpClient("c", history, [server.address], random.Random(1), LIMITS, None)
            await http.post("single", [order()], b'{"a":1}')
            http._connection.send(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.sleep(0.1)
            await http.post("single", [order()], b'{"a":1}')
        self.assertIn("bytes came after an answer", history.requests[1].flaw)

    async def test_who_leaves_amid_the_request_sent_nothing(self):
        async with Server() as server:
            request, = await ask(server, give_up=GiveUp(after_bytes=10))
            await asyncio.sleep(0.05)
        self.assertEqual((request.end, request.verdicts[0].outcome, len(server.heard)), ("gave_up", "unsent", 10))

    async def test_who_leaves_after_the_request_is_in_doubt(self):
        async with Server() as server:
            request, = await ask(server, give_up=GiveUp())
            await asyncio.sleep(0.05)
        self.assertEqual((request.end, request.verdicts[0].outcome), ("gave_up", "unknown"))
        self.assertTrue(server.heard.endswith(b'{"a":1}'))


if __name__ == "__main__":
    unittest.main()
