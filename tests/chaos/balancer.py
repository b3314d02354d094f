"""HAProxy in front of three replicas, with the project's own configuration: only addresses are changed."""
import contextlib
import re
import shutil
import signal
import socket
from pathlib import Path

from chaos import wait
from chaos.process import Process, Restartable

REPLICAS = re.compile(r"^ *server-template .*$", re.MULTILINE)
DOCKER_NAMES = re.compile(r"^# The addresses of the replicas.*?(?=^defaults)", re.MULTILINE | re.DOTALL)


def missing() -> str | None:
    return None if shutil.which("haproxy", path="/usr/sbin:/usr/bin") else "haproxy is not installed: scripts/deps test"


def configuration(shipped: str, port: int, ports: list[int]) -> str:
    """docker/haproxy/haproxy.cfg with a port of 127.0.0.1 and replicas that have addresses."""
    servers = "\n".join(f"    server replica-{n} 127.0.0.1:{p}" for n, p in enumerate(ports))
    parts = ((DOCKER_NAMES, ""), (REPLICAS, servers), (re.compile(r" resolvers docker init-addr none"), ""),
             (re.compile(r"bind :8080"), f"bind 127.0.0.1:{port}"),
             # Only here: the answer says which replica gave it.
             (re.compile(r"^backend replicas$", re.MULTILINE),
              "backend replicas\n    http-response set-header X-Replica %s"))
    for pattern, text in parts:
        shipped, count = pattern.subn(text, shipped)
        if count == 0:
            raise ValueError(f"haproxy.cfg has nothing like {pattern.pattern!r} any more")
    return shipped


class HAProxy(Restartable):
    def __init__(self, shipped: Path, port: int, ports: list[int], folder: Path, log: Path) -> None:
        self.port, self.log = port, log
        self._file = folder / "haproxy.cfg"
        self._file.write_text(configuration(shipped.read_text(), port, ports))

    async def start(self) -> None:
        self._process = Process(["haproxy", "-db", "-f", str(self._file)], log=self.log,
                                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        await wait.until(self._listens, 10, "HAProxy listens")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    async def stop(self, timeout_s: float = 10) -> None:
        """As an operator does: SIGUSR1 lets connections end."""
        if self._process:
            await self._process.stop(signal.SIGUSR1, timeout_s)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
