"""SQL by psql: one statement in a process of its own, or a session that lasts."""
import asyncio
import contextlib
import os
import signal

from chaos.process import child_setup, run

PSQL = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose")
ENV = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC", "PSQL_HISTORY": "/dev/null"}


class SqlError(Exception):
    """The statement failed, or the server did not answer in time."""


async def psql(conninfo: str, text: str, timeout_s: float, separator: str = "|") -> str:
    code, out, err = await run([*PSQL, "-F", separator, "-d", conninfo], text=text, timeout_s=timeout_s, env=ENV)
    if code != 0:
        raise SqlError(f"{text.strip()[:120]}: {err.strip()[:400]}")
    return out.rstrip("\n")


class Session:
    """One psql that stays. A statement that fails leaves the session as PostgreSQL leaves it."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._n = 0

    @classmethod
    async def open(cls, conninfo: str) -> "Session":
        child = await asyncio.create_subprocess_exec(
            "psql", "-XAtq", "-d", conninfo, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=ENV, cwd="/", preexec_fn=child_setup(None, signal.SIGKILL), limit=1 << 20)
        return cls(child)

    async def run(self, text: str, timeout_s: float = 10) -> str:
        """What the statements print, errors included: they begin with ERROR or FATAL."""
        assert self._child.stdin and self._child.stdout
        self._n += 1
        mark = f"-- end {self._n} --"
        out: list[str] = []
        try:
            self._child.stdin.write(f"{text}\n;\n\\echo '{mark}'\n".encode())
            async with asyncio.timeout(timeout_s):
                await self._child.stdin.drain()
                while (line := (await self._child.stdout.readline()).decode(errors="replace")) != mark + "\n":
                    if not line:
                        raise SqlError(f"{text.strip()[:120]}: the session has ended: {' '.join(out)[-300:]}")
                    out.append(line.rstrip("\n"))
        except (TimeoutError, OSError) as error:
            raise SqlError(f"{text.strip()[:120]}: {error or f'no answer within {timeout_s:g} s'}") from error
        return "\n".join(out)

    async def close(self) -> None:
        """The server rolls back what was not committed."""
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
        with contextlib.suppress(asyncio.TimeoutError):  # of output that nobody has read
            async with asyncio.timeout(2):
                await self._child.wait()
