"""An ordersd under test: started on a socket that outlives it, killed, stopped, replaced, and asked how it does."""
import asyncio
import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos import clock, wait
from chaos.process import Process, Restartable

HOST = "127.0.0.1"

# The numbers are small so that a fault and the recovery from it fit into seconds. What they bound is the same.
SETTINGS = {
    "HTTP_ADDRESS": HOST, "HTTP_MAX_CONNECTIONS": "400", "AUTH": "none", "LOG_FORMAT": "json", "LOG_LEVEL": "info",
    "DATABASE_MIGRATE": "false", "DATABASE_MIN_POOL_SIZE": "4", "DATABASE_MAX_POOL_SIZE": "12",
    "DATABASE_CONNECT_TIMEOUT": "4s", "DATABASE_COMMAND_TIMEOUT": "10s", "DATABASE_ACQUIRE_TIMEOUT": "2s",
    "DATABASE_INITIAL_RETRY_DELAY": "100ms", "DATABASE_MAX_RETRY_DELAY": "2s",
    "DATABASE_HEALTH_CHECK_INTERVAL": "1s", "DATABASE_HEALTH_CHECK_TIMEOUT": "1s",
    "DATABASE_METRICS_COLLECTION_INTERVAL": "1s",
    "ORDERS_COMMIT_TIMEOUT": "6s", "SHUTDOWN_TIMEOUT": "12s", "HTTP_READ_TIMEOUT": "5s",
}

DRAINED_S = 25.0  # from SIGTERM to the end: twice of SHUTDOWN_TIMEOUT, since the machine may be busy

# Why a process may end.
KILLED, ASKED, MAY_END = "killed by the harness", "asked by SIGTERM", "may end by a fault"

# The shell becomes ordersd, so LISTEN_PID is right; and it gives the socket the number that the protocol asks for.
HAND_OVER = 'exec 3<&"$1" {moved}; shift; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'


class Service(Restartable):
    """One replica. The listening socket is the driver's and stays, as a socket unit of systemd keeps it, unless
    keeps_socket is false: then each process binds the port itself, and nothing listens while there is none."""

    def __init__(self, index: int, program: Path, port: int, folder: Path, settings: Mapping[str, str],
                 keeps_socket: bool = True) -> None:
        self.index, self.program, self.port, self._folder = index, program, port, folder
        self.name = f"replica-{index}"
        self.settings: dict[str, str] = {**SETTINGS, **settings}
        self.logs: list[Path] = []  # one a process
        self.unexpected: list[str] = []  # ends of processes that break a promise: see wrong_end()
        self.slow_ends: list[tuple[float, str]] = []  # with 1 after SIGTERM: the orderly end took too long
        self.replaced_too_early = False  # the last deploy ended the old process before the new one was ready
        self._ends: dict[int, str] = {}  # by pid: KILLED, ASKED or MAY_END
        self._read: dict[Path, int] = {}  # bytes that events() has returned
        self._socket = _listen(port) if keeps_socket else None

    # ---- life ----

    async def start(self, env: Mapping[str, str] | None = None, program: Path | None = None) -> None:
        """Starts a process and does not wait until it is ready. `env` counts for this process only."""
        self._process = self._spawn(env or {}, program or self.program)

    def _spawn(self, env: Mapping[str, str], program: Path) -> Process:
        all_env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC",
                   "HTTP_PORT": str(self.port), **self.settings, **env}
        argv: list[str] = [str(program)]
        sockets: list[int] = []
        if self._socket is not None:
            sockets = [self._socket.fileno()]
            argv = ["/bin/bash", "-c", HAND_OVER.format(moved=f"{sockets[0]}<&-"), "ordersd", str(sockets[0]), *argv]
        self.logs.append(self._folder / f"{self.name}.{len(self.logs) + 1}.log")
        process = Process(argv, env=all_env, log=self.log, sockets=sockets, death=signal.SIGKILL)
        asyncio.get_running_loop().create_task(self._note_end(process), name=f"end of {self.name}")
        return process

    async def _note_end(self, process: Process) -> None:
        code = await process.ended()
        why = self._ends.pop(process.pid, None)
        if wrong := wrong_end(code, why):
            text = f"{self.name} (pid {process.pid}) {wrong}"
            if why == ASKED and code == 1:
                self.slow_ends.append((clock.now(), text))
            else:
                self.unexpected.append(text)

    def kill(self) -> None:
        if self._process:
            self._signal_end(self._process, signal.SIGKILL)

    def term(self) -> None:
        if self._process:
            self._signal_end(self._process, signal.SIGTERM)

    def _signal_end(self, process: Process, number: int) -> None:
        """A process that has ended by itself a moment ago was not ended by this signal."""
        if process.signal(number):
            self._ends[process.pid] = KILLED if number == signal.SIGKILL else ASKED

    def allow_end(self) -> None:
        """A fault may make this process end by itself, as one that takes its memory away."""
        self._ends[self.pid] = MAY_END

    def forbid_end(self) -> None:
        """The fault is over: from now on the end of this process is a finding again."""
        if self._ends.get(self.pid) == MAY_END:
            del self._ends[self.pid]

    async def _drained(self, process: Process, timeout_s: float) -> int:
        """SIGTERM and the end; the exit code. A process that does not end in time is killed, which is a finding."""
        process.resume()  # a paused process takes no signal
        self._signal_end(process, signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            return await process.end(timeout_s)
        self.unexpected.append(f"{self.name} (pid {process.pid}) did not end within {timeout_s:g} s of SIGTERM")
        self._signal_end(process, signal.SIGKILL)
        return await process.end(10)

    async def restart(self, timeout_s: float = DRAINED_S, env: Mapping[str, str] | None = None) -> int:
        """SIGTERM, the end, a new start; the exit code of the old process."""
        assert self._process
        code = await self._drained(self._process, timeout_s)
        await self.start(env)
        return code

    async def deploy(self, timeout_s: float = DRAINED_S, program: Path | None = None,
                     env: Mapping[str, str] | None = None) -> int:
        """A new process gets the same socket; when it is ready, the old one is asked to end. Returns its exit code."""
        assert self._socket is not None and self._process is not None, "only a socket that is kept can be shared"
        old = self._process
        new = self._process = self._spawn(env or {}, program or self.program)
        with contextlib.suppress(wait.TooLate):  # the database may be away: then the old one is not ready either
            await wait.until(lambda: not new.alive() or self._said("schema.ready"), 5, "the new process is ready", 0.1)
        self.replaced_too_early = not self._said("schema.ready")
        return await self._drained(old, timeout_s)

    def close(self) -> None:
        self.kill()
        if self._socket:
            self._socket.close()

    # ---- what it says ----

    @property
    def keeps_socket(self) -> bool:
        return self._socket is not None

    @property
    def log(self) -> Path:
        """Of the newest process."""
        return self.logs[-1]

    def _said(self, event: str) -> bool:
        return any(found.get("event") == event for found in events_of(self.log))

    def events(self) -> list[dict[str, Any]]:
        """What all processes have logged since this was called last."""
        found: list[dict[str, Any]] = []
        for log in self.logs:
            begin, end = self._read.get(log, 0), log.stat().st_size
            self._read[log] = end
            found += events_of(log, begin, end)
        return found

    async def get(self, path: str, timeout_s: float = 2) -> tuple[int, str]:
        """(status, body), asked directly, whatever stands before the service; (0, why) when no whole answer comes."""
        try:
            async with asyncio.timeout(timeout_s):
                return await _get(self.port, path)
        except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            return 0, f"{type(error).__name__} {error}"

    async def ready(self) -> bool:
        return (await self.get("/health/ready"))[0] == 200

    async def metrics(self, timeout_s: float = 3) -> dict[str, float]:
        """By name and labels, as the text has them; empty when there is no answer."""
        status, body = await self.get("/metrics", timeout_s)
        return parse_metrics(body) if status == 200 else {}

    # ---- what it holds ----

    def fds(self) -> int:
        with contextlib.suppress(OSError):
            return len(os.listdir(f"/proc/{self.pid}/fd"))
        return 0

    def threads(self) -> int:
        with contextlib.suppress(OSError):
            return len(os.listdir(f"/proc/{self.pid}/task"))
        return 0

    def rss(self) -> int:
        """Resident memory in bytes."""
        with contextlib.suppress(OSError):
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * resource.getpagesize()
        return 0


def wrong_end(code: int, why: str | None) -> str | None:
    """What is wrong with an end that has this exit code. After SIGTERM only 0 is right; a process that was killed may
    have been draining before, and then its own end may have come first."""
    if why == MAY_END or code == 0 and why in (ASKED, KILLED) or code == -signal.SIGKILL and why == KILLED:
        return None
    return f"ended with {code}, and " + ("nobody had asked for it" if why is None else f"was {why}")


def _listen(port: int) -> socket.socket:
    """A listening socket under a number that no descriptor of the protocol has."""
    first = socket.socket()
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    first.bind((HOST, port))
    first.listen(512)
    if first.fileno() > 9:
        return first
    moved = fcntl.fcntl(first.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)
    first.close()
    return socket.socket(fileno=moved)


async def _get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"(?im)^content-length: *(\d+)", head)
        body = await (reader.readexactly(int(length[1])) if length else reader.read())
        return int(head.split(" ", 2)[1]), body.decode(errors="replace")
    finally:
        writer.transport.abort()


def parse_metrics(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name and not line.startswith("#"):
            found[name] = float(value)
    return found


def events_of(log: Path, begin: int = 0, end: int | None = None) -> list[dict[str, Any]]:
    """The JSON lines of a log between two offsets; a line that is no JSON becomes an event of the name `text`."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(begin)
        lines = file.read(-1 if end is None else end - begin).decode(errors="replace").splitlines()
        return [_event(line) for line in lines if line]
    return []


def _event(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {"event": "text", "text": line}
