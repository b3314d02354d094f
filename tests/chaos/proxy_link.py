"""A link of the proxy: a port on 127.0.0.1, the target of its connections, and what is done to them."""
import asyncio
import contextlib
import random
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from chaos.proxy_pair import HELD_BYTES, DIRECTIONS, Item, Pair

LISTENING = ("open", "refuse", "black_hole")
HOW = ("reset", "close")
BACKLOG = 1024


def demand(good: bool, why: str) -> None:
    if not good:
        raise ValueError(why)


@dataclass
class Shape:
    """What happens to bytes on their way. Zero values: nothing."""
    hold: frozenset[str] = frozenset()  # the directions in which nothing moves
    delay_s: float = 0.0                # each chunk waits so long, and up to jitter_s longer
    jitter_s: float = 0.0
    rate: float = 0.0                   # bytes a second in each direction, over all connections

    @property
    def slow(self) -> bool:
        return self.delay_s > 0 or self.jitter_s > 0 or self.rate > 0


@dataclass
class ArmedCut:
    """After `left[0]` more bytes of `direction`, over all connections, cut; then the same with the next number."""
    direction: str
    left: list[int]
    every: bool  # every connection of the link, or only the one that carried the last byte
    how: str


@dataclass
class Counts:
    accepted: int = 0
    cuts: int = 0          # times that an armed cut struck
    dial_failures: int = 0
    up: int = 0            # bytes that have passed
    down: int = 0


class ProxyLink:
    """A port, and what is done to the connections that come to it."""

    def __init__(self, name: str, target: str, port: int) -> None:
        self.name, self.target = name, target
        self.shape, self.cut, self.counts = Shape(), None, Counts()
        self.pairs: set[Pair] = set()
        self.free_at = {direction: 0.0 for direction in DIRECTIONS}  # when a limited rate lets the next byte pass
        self.released = {direction: asyncio.Event() for direction in DIRECTIONS}
        self.reshaped = asyncio.Event()
        self.serving: set[asyncio.Task] = set()
        self.closing: set[asyncio.Task] = set()
        self.random = random.Random(name)
        for event in self.released.values():
            event.set()
        self.listener = Listener(port, self.accepted)

    def accepted(self, sock: socket.socket) -> None:
        self.counts.accepted += 1
        pair = Pair(self)
        self.pairs.add(pair)
        self.background(pair.serve(sock), self.serving)

    def background(self, work: Coroutine[Any, Any, None], kept: set[asyncio.Task]) -> None:
        task = asyncio.create_task(work)
        kept.add(task)  # the event loop itself keeps no task alive
        task.add_done_callback(kept.discard)

    # ---- what a pair asks ----

    def passes_at_once(self, direction: str) -> bool:
        return not self.shape.slow and direction not in self.shape.hold

    def piece(self) -> int:
        return max(1, int(self.shape.rate / 20)) if self.shape.rate else HELD_BYTES

    async def sleep(self, seconds: float) -> None:
        """Until the shape changes at the latest: what a fault has delayed must not outlast the fault."""
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reshaped.wait()

    async def delay(self) -> None:
        if self.shape.delay_s or self.shape.jitter_s:
            await self.sleep(self.shape.delay_s + self.random.uniform(0, self.shape.jitter_s))

    async def wait_turn(self, direction: str, piece: Item) -> None:
        now = asyncio.get_running_loop().time()
        if self.shape.rate and isinstance(piece, bytes):
            start = max(now, self.free_at[direction])
            self.free_at[direction] = start + len(piece) / self.shape.rate
            await self.sleep(start - now)
        await self.released[direction].wait()

    def allow(self, direction: str, wanted: int) -> tuple[int, ArmedCut | None]:
        """How many of the bytes may pass, and the cut that strikes behind them."""
        cut = self.cut
        if cut is None or cut.direction != direction:
            return wanted, None
        if cut.left[0] > wanted:
            cut.left[0] -= wanted
            return wanted, None
        allowed = cut.left.pop(0)
        if not cut.left:
            self.cut = None
        return allowed, cut

    def count(self, direction: str, size: int) -> None:
        setattr(self.counts, direction, getattr(self.counts, direction) + size)

    def strike(self, pair: Pair, cut: ArmedCut) -> None:
        self.counts.cuts += 1
        for victim in list(self.pairs) if cut.every else [pair]:
            victim.end(cut.how)

    # ---- commands ----

    def set(self, hold: list[str], delay_s: float, jitter_s: float, rate: float, listening: str) -> None:
        demand(all(direction in DIRECTIONS for direction in hold), f"hold is of {DIRECTIONS}")
        demand(min(delay_s, jitter_s, rate) >= 0, "a delay or a rate below 0")
        demand(listening in LISTENING, f"listening is one of {LISTENING}")
        self.shape = Shape(frozenset(hold), delay_s, jitter_s, rate)
        self.free_at = {direction: 0.0 for direction in DIRECTIONS}
        self.reshaped.set()
        self.reshaped = asyncio.Event()
        for direction, event in self.released.items():
            event.clear() if direction in hold else event.set()
        self.listener.set(listening)

    def arm(self, direction: str, after: list[int], every: bool, how: str) -> None:
        demand(direction in DIRECTIONS and how in HOW, f"direction is one of {DIRECTIONS}, how one of {HOW}")
        demand(all(isinstance(n, int) and n >= 0 for n in after), "a number of bytes below 0")
        self.cut = ArmedCut(direction, list(after), every, how) if after else None

    async def cut_now(self, how: str) -> None:
        demand(how in HOW, f"how is one of {HOW}")
        for pair in list(self.pairs):
            pair.end(how)
        await asyncio.gather(*self.closing)

    def forget(self) -> None:
        for pair in self.pairs:
            pair.forget()

    def cut_forgotten(self) -> None:
        for pair in [pair for pair in self.pairs if pair.forgotten]:
            pair.end("reset")


class Listener:
    """A port that can be open, refuse, or drop what asks for a connection, and stays ours meanwhile."""

    def __init__(self, port: int, accepted: Callable[[socket.socket], None]) -> None:
        self.accepted = accepted
        self.keeper = self.bind(port)  # never listens: the port is taken while the listener is closed
        self.port = self.keeper.getsockname()[1]
        self.sock: socket.socket | None = None
        self.fillers: list[socket.socket] = []
        self.set("open")

    @staticmethod
    def bind(port: int) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", port))
        return sock

    def set(self, listening: str) -> None:
        loop = asyncio.get_running_loop()
        if listening == "refuse":
            self.close(loop)
            return
        if self.sock is None:
            self.sock = self.bind(self.port)
        if listening == "black_hole":
            loop.remove_reader(self.sock)
            self.fill()
            return
        self.sock.listen(BACKLOG)
        loop.add_reader(self.sock, self.accept)
        self.accept()  # also what fills the queue, before its sockets are closed
        self.drop_fillers()

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.sock is not None:
            loop.remove_reader(self.sock)
            self.sock.close()
            self.sock = None
        self.drop_fillers()

    def fill(self) -> None:
        """Linux drops a SYN when the queue of connections that nobody has accepted is full."""
        self.sock.listen(0)
        while len(self.fillers) < 3:
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    def drop_fillers(self) -> None:
        for filler in self.fillers:
            filler.close()
        self.fillers.clear()

    def accept(self) -> None:
        ours = {filler.getsockname()[1] for filler in self.fillers}
        while self.sock is not None:
            try:
                sock, (_, port) = self.sock.accept()
            except OSError:
                return
            if port in ours:
                sock.close()
                continue
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted(sock)
