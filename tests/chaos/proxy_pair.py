"""One client's connection through the proxy, and the connection to the server that is dialled for it.

Bytes of one way stay in order and are never lost in the middle: they are delivered at once, or by a task as slowly
as the lane wants it, until the lane ends the pair."""
import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.proxy_link import Lane

WAYS = ("up", "down")  # from the client to the server, and back
OTHER = {"up": "down", "down": "up"}
HELD_BYTES = 256 * 1024  # of one way; then the sender is not read any more, and its own buffers fill
DIAL_S = 10.0
FLUSH_S = 0.25  # what a cut waits for bytes that have passed to arrive, since a reset overtakes them
EOF, RESET = "eof", "reset"
Item = bytes | str  # bytes, or how a stream ended


class End(asyncio.Protocol):
    """One of the two sockets of a pair. `way` is the way of the bytes that come from it."""

    def __init__(self, pair: "Pair", way: str) -> None:
        self.pair, self.way = pair, way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.pair.transports[self.way] = transport

    def data_received(self, data: bytes) -> None:
        self.pair.came(self.way, data)

    def eof_received(self) -> bool:
        self.pair.came(self.way, EOF)
        return True  # the other way may go on

    def connection_lost(self, error: Exception | None) -> None:
        self.pair.came(self.way, RESET)

    def pause_writing(self) -> None:
        self.pair.full[OTHER[self.way]] = True
        self.pair.throttle(OTHER[self.way])

    def resume_writing(self) -> None:
        self.pair.full[OTHER[self.way]] = False
        self.pair.throttle(OTHER[self.way])


class Pair:
    """A client's connection and the one that was dialled for it."""

    def __init__(self, lane: "Lane") -> None:
        self.lane = lane
        self.transports: dict[str, Any] = {}
        self.waiting: dict[str, deque[Item]] = {way: deque() for way in WAYS}
        self.workers: dict[str, asyncio.Task | None] = {way: None for way in WAYS}
        self.full = {way: False for way in WAYS}  # the receiver takes no more
        self.ended: set[str] = set()
        self.over = False       # nothing passes any more, and the sockets are being closed
        self.forgotten = False  # nothing passes any more, and neither side hears of it

    async def serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        client, _ = await loop.connect_accepted_socket(lambda: End(self, "up"), sock)
        if self.over:  # cut before its transport was there, so close() has closed nothing
            close_socket(client, "reset")
            return
        client.pause_reading()
        try:
            async with asyncio.timeout(DIAL_S):
                await self.dial(loop)
        except (OSError, TimeoutError):
            self.lane.counts.dial_failures += 1
            self.end("reset")
            return
        if self.over:  # cut while it was dialled
            close_socket(self.transports["down"], "reset")
        elif not self.forgotten:
            client.resume_reading()

    async def dial(self, loop: asyncio.AbstractEventLoop) -> None:
        host, port = self.lane.target.rsplit(":", 1)
        await loop.create_connection(lambda: End(self, "down"), host, int(port))

    def came(self, way: str, item: Item) -> None:
        if self.over or self.forgotten:
            return
        if self.workers[way] is None and self.lane.passes_at_once(way):
            self.deliver(way, item)
            return
        self.waiting[way].append(item)
        self.throttle(way)
        if self.workers[way] is None:
            self.workers[way] = asyncio.create_task(self.work(way))

    def throttle(self, way: str) -> None:
        source = self.transports.get(way)
        if source is None or source.is_closing() or self.forgotten:
            return
        held = sum(len(item) for item in self.waiting[way])
        if self.full[way] or held > HELD_BYTES:
            source.pause_reading()
        elif OTHER[way] in self.transports:  # dialled
            source.resume_reading()

    async def work(self, way: str) -> None:
        """Delivers what waits, as slowly as the lane wants it, and ends when nothing waits."""
        while self.waiting[way] and not self.over and not self.forgotten:
            await self.lane.delay()
            item = self.waiting[way].popleft()
            while item and not self.over and not self.forgotten:
                piece = item[:self.lane.piece()] if isinstance(item, bytes) else item
                await self.lane.wait_turn(way, piece)
                self.deliver(way, piece)
                item = item[len(piece):]
            self.throttle(way)
        self.workers[way] = None

    def deliver(self, way: str, item: Item) -> None:
        if self.over or self.forgotten:
            return
        if item == RESET:
            self.end("reset")
        elif item == EOF:
            self.end_way(way)
        else:
            self.send(way, item)

    def send(self, way: str, data: bytes) -> None:
        allowed, cut = self.lane.allow(way, len(data))
        if allowed:
            self.transports[OTHER[way]].write(data[:allowed])
            self.lane.count(way, allowed)
        if cut:
            self.lane.strike(self, cut)

    def end_way(self, way: str) -> None:
        self.ended.add(way)
        if len(self.ended) == len(WAYS):
            self.end("close")
            return
        with contextlib.suppress(OSError):
            self.transports[OTHER[way]].write_eof()

    def end(self, how: str) -> None:
        """From here on nothing passes. The sockets close a moment later."""
        if not self.over:
            self.over = True
            self.lane.pairs.discard(self)
            self.lane.background(self.close(how), self.lane.closing)

    async def close(self, how: str) -> None:
        """Closes both sockets. Bytes that have passed arrive first, if their receiver takes them."""
        if how == "reset":
            await flushed(self.transports.values())
        for transport in self.transports.values():
            close_socket(transport, how)

    def forget(self) -> None:
        self.forgotten = True
        for transport in self.transports.values():
            if not transport.is_closing():
                transport.pause_reading()


def close_socket(transport: Any, how: str) -> None:
    if how == "close":
        transport.close()
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_INET and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # so that close() resets
    transport.abort()


async def flushed(transports: Any) -> None:
    end = asyncio.get_running_loop().time() + FLUSH_S
    while any(unsent(transport) for transport in transports):
        if asyncio.get_running_loop().time() > end:
            return
        await asyncio.sleep(0.002)


def unsent(transport: Any) -> int:
    """Bytes that have not arrived at the other kernel. A unix socket has none: there a write is an arrival."""
    if transport.is_closing():
        return 0
    sock = transport.get_extra_info("socket")
    if sock.family != socket.AF_INET:
        return transport.get_write_buffer_size()
    unacknowledged = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return transport.get_write_buffer_size() + unacknowledged
