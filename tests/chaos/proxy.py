"""A TCP proxy whose connections are cut, held, refused, slowed and narrowed on command.

It is a process of its own, so that its connections cost the driver nothing:

    python3 -m chaos.proxy CONTROL

It listens on the unix socket CONTROL for commands, JSON objects one a line, and answers each by one line,
{"ok": true, ...} or {"ok": false, "why": ...}. What a command changes is in force when its answer comes.
links.py is the driver's side of this.
"""
import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import Any

from chaos.proxy_link import ProxyLink, demand

PR_SET_PDEATHSIG = 1


@dataclass
class Control:
    """The commands."""
    links: dict[str, ProxyLink] = field(default_factory=dict)

    async def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        do = command["do"]
        if do == "open":
            demand(command["link"] not in self.links, "a link of that name is there")
            link = self.links[command["link"]] = ProxyLink(command["link"], command["target"], command.get("port", 0))
            return {"port": link.listener.port}
        link = self.links[command["link"]]
        if do == "set":
            link.set(command["hold"], command["delay_s"], command["jitter_s"], command["rate"], command["listening"])
        elif do == "cut_after":
            link.arm(command["direction"], command["bytes"], command["every"], command["how"])
        elif do == "cut":
            await link.cut_now(command["how"])
        elif do == "forget":
            link.forget()
        elif do == "cut_forgotten":
            link.cut_forgotten()
        elif do == "counts":
            return {"open": len(link.pairs), **vars(link.counts)}
        else:
            raise ValueError(f"no such command: {do}")
        return {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # the driver has gone
            while line := await reader.readline():
                writer.write(json.dumps(await self.answer(line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        try:
            return {"ok": True} | await self.obey(json.loads(line))
        except (ValueError, KeyError, TypeError, OSError) as error:
            return {"ok": False, "why": f"{type(error).__name__}: {error}"}


def die_with_parent() -> None:
    """The kernel kills this process when the one that started it ends, however that ends."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


async def main(path: str) -> None:
    server = await asyncio.start_unix_server(Control().serve, path)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    die_with_parent()
    asyncio.run(main(sys.argv[1]))
