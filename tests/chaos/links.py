"""The driver's side of the proxy: one process with many links, each a port that leads to one target.

    proxy = await Proxy.start(folder)
    link = await proxy.open("front", "127.0.0.1:8080")     # clients dial link.port
    await link.set(delay_s=0.05)
    await link.heal()
    await proxy.close()

Directions: "up" is from the client to the server, "down" is back.
"""
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.process import Process
from chaos.wait import until

START_S = 10.0
ANSWER_S = 10.0
PLAIN: dict[str, Any] = {"hold": (), "delay_s": 0.0, "jitter_s": 0.0, "rate": 0.0, "listening": "open"}


class ProxyError(Exception):
    """The proxy did not do what it was told."""


class Proxy:
    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process, self.reader, self.writer = process, reader, writer
        self.turn = asyncio.Lock()  # one question at a time: answers carry no number

    @staticmethod
    async def start(folder: Path, log: Path | None = None) -> "Proxy":
        control = folder / "proxy.control"
        tests = Path(__file__).resolve().parents[1]
        env = {**os.environ, "PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1"}
        process = Process([sys.executable, "-m", "chaos.proxy", str(control)], log=log, env=env)
        await until(lambda: control.exists() or not process.alive(), START_S, "the proxy listens")
        for _ in range(100):  # the socket is there a moment before it listens
            try:
                return Proxy(process, *await asyncio.open_unix_connection(str(control)))
            except OSError:
                await asyncio.sleep(0.02)
        raise ProxyError("nobody answers on the proxy's socket")

    async def open(self, name: str, target: str, port: int = 0) -> "Link":
        """A link to the target HOST:PORT; port 0 takes a free one."""
        answer = await self.tell(do="open", link=name, target=target, port=port)
        return Link(self, name, answer["port"])

    async def tell(self, **command: Any) -> dict[str, Any]:
        async with self.turn:
            self.writer.write(json.dumps(command).encode() + b"\n")
            async with asyncio.timeout(ANSWER_S):
                line = await self.reader.readline()
        answer = json.loads(line) if line else {"ok": False, "why": "the proxy has ended"}
        if not answer["ok"]:
            raise ProxyError(f"{command}: {answer['why']}")
        return answer

    async def close(self) -> None:
        self.writer.close()
        await self.process.stop(signal.SIGTERM, 5)


@dataclass(eq=False)
class Link:
    """One listener of the proxy."""
    proxy: Proxy
    name: str
    port: int

    async def set(self, **shape: Any) -> None:
        """What is not named is plain. hold: directions in which nothing moves. delay_s, jitter_s: for each chunk.
        rate: bytes a second in each direction, 0 for no limit. listening, for dials: "open", "refuse", "black_hole"."""
        unknown = shape.keys() - PLAIN.keys()
        if unknown:
            raise TypeError(f"no such setting of a link: {sorted(unknown)}")
        await self.proxy.tell(do="set", link=self.name, **{**PLAIN, **shape, "hold": list(shape.get("hold", ()))})

    async def cut(self, how: str = "reset") -> None:
        """Ends every connection now, by "reset" or by "close"."""
        await self.proxy.tell(do="cut", link=self.name, how=how)

    async def cut_after(self, direction: str, counts: Sequence[int], *, every: bool = False,
                        how: str = "reset") -> None:
        """After counts[0] more bytes of that direction, over all connections, ends the connection that carried the last
        of them, or every connection; then the same with the next count. An empty list disarms."""
        await self.proxy.tell(do="cut_after", link=self.name, direction=direction, bytes=list(counts),
                              every=every, how=how)

    async def forget(self) -> None:
        """Nothing moves any more on the connections of now, and neither side hears of it, until cut_forgotten()."""
        await self.proxy.tell(do="forget", link=self.name)

    async def cut_forgotten(self) -> None:
        await self.proxy.tell(do="cut_forgotten", link=self.name)

    async def heal(self) -> None:
        """Disarms and shapes nothing. Forgotten connections stay forgotten."""
        await self.cut_after("up", [])
        await self.set()

    async def counts(self) -> dict[str, int]:
        """open, accepted, cuts, dial_failures, and the bytes that passed: up, down."""
        answer = await self.proxy.tell(do="counts", link=self.name)
        return {name: value for name, value in answer.items() if name != "ok"}
