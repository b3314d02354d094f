"""A process under test: started with its output in a log, killed, stopped, continued and waited for by its pid alone.

Every process dies with the driver: PR_SET_PDEATHSIG is set after the change of user, which would clear it."""
import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from chaos import clock

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def child_setup(user: str | None, death: int) -> Callable[[], None]:
    """What the child does between fork and exec. Everything is looked up before the fork."""
    account = pwd.getpwnam(user) if user and os.geteuid() == 0 else None
    groups = os.getgrouplist(account.pw_name, account.pw_gid) if account else []

    def in_child() -> None:
        if account:
            os.setgroups(groups)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        _libc.prctl(PR_SET_PDEATHSIG, death, 0, 0, 0)

    return in_child


def end_of(child: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """The end of a child makes its descriptor readable, so nothing has to poll. The future has the exit code."""
    loop, pidfd = asyncio.get_running_loop(), os.pidfd_open(child.pid)
    future: asyncio.Future[int] = loop.create_future()

    def ended() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        code = child.wait()
        if not future.done():
            future.set_result(code)

    loop.add_reader(pidfd, ended)
    return future


class Process:
    """One child. `sockets` are descriptors that the child inherits under their own numbers."""

    def __init__(self, argv: Sequence[str], *, log: Path | None = None, env: Mapping[str, str] | None = None,
                 user: str | None = None, sockets: Sequence[int] = (), death: int = signal.SIGKILL) -> None:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if log else subprocess.DEVNULL
        try:
            self._child = subprocess.Popen(
                list(argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                env=dict(os.environ if env is None else env), preexec_fn=child_setup(user, death),
                start_new_session=True, pass_fds=tuple(sockets))
        finally:
            if log:
                os.close(output)
        self.pid, self.began = self._child.pid, clock.now()
        self._ended = end_of(self._child)

    def alive(self) -> bool:
        return self._child.poll() is None

    def signal(self, number: int) -> bool:
        """False when the process is gone. Its pid cannot be another's: it is ours until it is waited for."""
        if not self.alive():
            return False
        os.kill(self.pid, number)
        return True

    def kill(self) -> bool:
        return self.signal(signal.SIGKILL)

    def pause(self) -> bool:
        return self.signal(signal.SIGSTOP)

    def resume(self) -> bool:
        return self.signal(signal.SIGCONT)

    async def ended(self) -> int:
        """Waits for the end, however late."""
        return await asyncio.shield(self._ended)

    async def end(self, timeout_s: float) -> int:
        """Waits for the end and returns the exit code. asyncio.TimeoutError when the process does not end."""
        async with asyncio.timeout(timeout_s):
            return await self.ended()

    async def stop(self, number: int, timeout_s: float) -> int:
        """Asks by a signal, and kills when that does not help."""
        self.signal(number)
        with contextlib.suppress(asyncio.TimeoutError):
            return await self.end(timeout_s)
        self.kill()
        return await self.end(10)


class Restartable:
    """What is one process at a time, or none for a while."""
    _process: Process | None = None

    async def end(self, timeout_s: float = 10) -> int:
        assert self._process
        return await self._process.end(timeout_s)

    def pause(self) -> None:
        if self._process:
            self._process.pause()

    def resume(self) -> None:
        if self._process:
            self._process.resume()

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def began(self) -> float:
        return self._process.began if self._process else clock.now()


async def run(argv: Sequence[str], *, timeout_s: float, user: str | None = None,
              env: Mapping[str, str] | None = None, text: str = "") -> tuple[int, str, str]:
    """A command that ends by itself: exit code, output, errors. A command that does not end in time is killed.

    Its output goes to files. With pipes, asyncio waits for the end of a killed child until somebody has read them."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(text.encode())
        given.seek(0)
        child = subprocess.Popen(list(argv), stdin=given, stdout=out, stderr=err, cwd="/", start_new_session=True,
                                 env=dict(os.environ if env is None else env),
                                 preexec_fn=child_setup(user, signal.SIGKILL))
        try:
            async with asyncio.timeout(timeout_s):
                code = await end_of(child)
        except asyncio.TimeoutError:
            return -signal.SIGKILL, "", f"{argv[0]} did not end within {timeout_s:g} s"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)  # its own children too
        return code, _whole(out), _whole(err)


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
