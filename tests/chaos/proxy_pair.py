"""One client's connection through the proxy, and the connection to the server that is dialled for it.

Bytes of one direction stay in order and are never lost in the middle: they are delivered at once, or by a task as
slowly as the link wants it, until the link ends the pair."""
import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chaos.proxy_link import ProxyLink

DIRECTIONS = ("up", "down")  # from the client to the server, and back
OTHER = {"up": "down", "down": "up"}
HELD_BYTES = 256 * 1024  # of one direction; then the sender is not read any more, and its own buffers fill
DIAL_S = 10.0
FLUSH_S = 0.25  # what a cut waits for bytes that have passed to arrive, since a reset overtakes them
EOF, RESET = "eof", "reset"
Item = bytes | str  # bytes, or how a stream ended


class End(asyncio.Protocol):
    """One of the two sockets of a pair. `direction` is the direction of the bytes that come from it."""

    def __init__(self, pair: "Pair", direction: str) -> None:
        self.pair, self.direction = pair, direction

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.pair.transports[self.direction] = transport

    def data_received(self, data: bytes) -> None:
        self.pair.came(self.direction, data)

    def eof_received(self) -> bool:
        self.pair.came(self.direction, EOF)
        return True  # the other direction may go on

    def connection_lost(self, error: Exception | None) -> None:
        self.pair.came(self.direction, RESET)

    def pause_writing(self) -> None:
        self.pair.full[OTHER[self.direction]] = True
        self.pair.throttle(OTHER[self.direction])

    def resume_writing(self) -> None:
        self.pair.full[OTHER[self.direction]] = False
        self.pair.throttle(OTHER[self.direction])


class Pair:
    """A client's connection and the one that was dialled for it."""

    def __init__(self, link: "ProxyLink") -> None:
        self.link = link
        self.transports: dict[str, Any] = {}
        self.waiting: dict[str, deque[Item]] = {direction: deque() for direction in DIRECTIONS}
        self.workers: dict[str, asyncio.Task | None] = {direction: None for direction in DIRECTIONS}
        self.full = {direction: False for direction in DIRECTIONS}  # the receiver takes no more
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
            self.link.counts.dial_failures += 1
            self.end("reset")
            return
        if self.over:  # cut while it was dialled
            close_socket(self.transports["down"], "reset")
        elif not self.forgotten:
            client.resume_reading()

    async def dial(self, loop: asyncio.AbstractEventLoop) -> None:
        host, port = self.link.target.rsplit(":", 1)
        await loop.create_connection(lambda: End(self, "down"), host, int(port))

    def came(self, direction: str, item: Item) -> None:
        if self.over or self.forgotten:
            return
        if self.workers[direction] is None and self.link.passes_at_once(direction):
            self.deliver(direction, item)
            return
        self.waiting[direction].append(item)
        self.throttle(direction)
        if self.workers[direction] is None:
            self.workers[direction] = asyncio.create_task(self.work(direction))

    def throttle(self, direction: str) -> None:
        source = self.transports.get(direction)
        if source is None or source.is_closing() or self.forgotten:
            return
        held = sum(len(item) for item in self.waiting[direction])
        if self.full[direction] or held > HELD_BYTES:
            source.pause_reading()
        elif OTHER[direction] in self.transports:  # dialled
            source.resume_reading()

    async def work(self, direction: str) -> None:
        """Delivers what waits, as slowly as the link wants it, and ends when nothing waits."""
        while self.waiting[direction] and not self.over and not self.forgotten:
            await self.link.delay()
            item = self.waiting[direction].popleft()
            while item and not self.over and not self.forgotten:
                piece = item[:self.link.piece()] if isinstance(item, bytes) else item
                await self.link.wait_turn(direction, piece)
                self.deliver(direction, piece)
                item = item[len(piece):]
            self.throttle(direction)
        self.workers[direction] = None

    def deliver(self, direction: str, item: Item) -> None:
        if self.over or self.forgotten:
            return
        if item == RESET:
            self.end("reset")
        elif item == EOF:
            self.end_direction(direction)
        else:
            self.send(direction, item)

    def send(self, direction: str, data: bytes) -> None:
        allowed, cut = self.link.allow(direction, len(data))
        if allowed:
            self.transports[OTHER[direction]].write(data[:allowed])
            self.link.count(direction, allowed)
        if cut:
            self.link.strike(self, cut)

    def end_direction(self, direction: str) -> None:
        self.ended.add(direction)
        if len(self.ended) == len(DIRECTIONS):
            self.end("close")
            return
        with contextlib.suppress(OSError):
            self.transports[OTHER[direction]].write_eof()

    def end(self, how: str) -> None:
        """From here on nothing passes. The sockets close a moment later."""
        if not self.over:
            self.over = True
            self.link.pairs.discard(self)
            self.link.background(self.close(how), self.link.closing)

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
