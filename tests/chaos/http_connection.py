"""A small, strict HTTP/1.1 client: one connection, one request at a time, and the exact way in which each ended.

Strict, because a second answer, a length that is wrong or a byte too many is a finding and nothing to be lenient about.
"""
import asyncio
import re

from chaos.answers import Answer

STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) [\x20-\x7e]*")
HEADER = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\x20-\x7e]*?)[ \t]*")
ANSWER_MAX = 64 << 20


class Closed(Exception):
    """The other side ended the connection before a whole answer."""


class NotSent(Closed):
    """The connection had ended before the first byte of the request was written."""


class Malformed(Exception):
    """What came is no answer, or more than one."""


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Answer] | None = None
        self._lost = False
        self._stray = b""  # what came while nothing was asked
        self.name = ""     # the local port, as the logs of a proxy have it

    @staticmethod
    async def dial(host: str, port: int, timeout_s: float) -> "Connection":
        """OSError, or TimeoutError, which is one."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_s):
            _, connection = await loop.create_connection(Connection, host, port)
        return connection

    @property
    def usable(self) -> bool:
        return not self._lost and not self._transport.is_closing()

    async def ask(self, message: bytes, deadline_s: float) -> Answer:
        """Closed, Malformed, or TimeoutError; after any of these the connection is of no more use."""
        if self._stray:
            raise Malformed(f"{len(self._stray)} bytes came after an answer: {self._stray[:80]!r}")
        if not self.usable:  # a dial that succeeded may be reset before the first request
            raise NotSent("the connection had ended before the request")
        self._waiter = self._loop.create_future()
        alarm = self._loop.call_later(deadline_s, self._fail, TimeoutError())
        self._transport.write(message)
        try:
            return await self._waiter
        finally:
            alarm.cancel()
            self._waiter = None

    def send(self, part: bytes) -> None:
        """Without waiting for an answer."""
        self._transport.write(part)

    def close(self) -> None:
        self._lost = True
        self._transport.close()

    def abort(self) -> None:
        self._lost = True
        self._transport.abort()

    # ---- called by the event loop ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        address = transport.get_extra_info("sockname")
        self.name = str(address[1]) if address else ""

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self._stray += data[:4096]
            return
        self._buffer += data
        try:
            answer = _parse(self._buffer)
        except Malformed as malformed:
            self._fail(malformed)
            return
        if answer is not None:
            self._buffer.clear()
            self._lost |= answer.headers.get("connection", "").lower() == "close"
            self._waiter.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        got = f" after {len(self._buffer)} bytes of an answer" if self._buffer else ""
        self._fail(Closed(f"{error or 'end of stream'}{got}"))

    def _fail(self, why: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(why)


def _parse(data: bytearray) -> Answer | None:
    """None: the answer is not whole yet."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > 64 << 10:
            raise Malformed("headers of more than 64 KiB")
        return None
    status, headers = _parse_head(bytes(data[:end]))
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) > ANSWER_MAX:
        raise Malformed(f"Content-Length is {length!r}")
    whole = end + 4 + int(length)
    if len(data) < whole:
        return None
    if len(data) > whole:
        raise Malformed(f"{len(data) - whole} bytes after the answer: {bytes(data[whole:whole + 80])!r}")
    return Answer(status, headers, bytes(data[end + 4:whole]))


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.split(b"\r\n")
    status = STATUS_LINE.fullmatch(first)
    if status is None:
        raise Malformed(f"no status line: {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        header = HEADER.fullmatch(line)
        if header is None:
            raise Malformed(f"no header: {line[:80]!r}")
        name, value = header[1].decode().lower(), header[2].decode()
        if name in headers and name in ("content-length", "content-type", "x-request-id", "retry-after", "location"):
            raise Malformed(f"{name} is there twice")
        headers[name] = value
    return int(status[1]), headers


def message(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
