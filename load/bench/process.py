"""Children of the benchmark: started with their output in a log, stopped by their pids, and what they cost.

Each child leads a session of its own, so that Ctrl-C reaches only this program, which then ends things in the right
order. If this program is killed, the kernel ends its children."""
import contextlib
import glob
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent.parent
TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
PATIENCE_S = 60.0


class Failure(Exception):
    """A measurement that cannot be made; the text says why."""


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S, pause: float = 0.02) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds:g} s")
        time.sleep(pause)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def raise_file_limit() -> None:
    """Thousands of connections; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Child:
    """A process that runs until it is stopped, with the processes that it starts itself."""

    def __init__(self, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None, *,
                 dies_by: str = "KILL", stdin: int = subprocess.DEVNULL, cwd: str = "/") -> None:
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", dies_by, "--", *map(str, argv)], stdin=stdin, stdout=output, stderr=output,
                cwd=cwd, env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self._child.pid

    @property
    def stdin(self) -> IO[bytes]:
        assert self._child.stdin
        return self._child.stdin

    def alive(self) -> bool:
        return self._child.poll() is None

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self, number: int = signal.SIGTERM, *, whole: bool = False, timeout_s: float = 30) -> None:
        """Asks by a signal, and kills when that does not help. `whole`: the signal goes to its own children too."""
        if self.alive():
            (os.killpg if whole else os.kill)(self.pid, number)
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._child.wait(10)


def children_us() -> int:
    """CPU time of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((usage.ru_utime + usage.ru_stime) * 1e6)


def output_of(argv: Sequence[str | Path], timeout_s: float, env: Mapping[str, str] | None = None) -> tuple[str, int]:
    """Runs a command that ends by itself. Returns its output and its CPU time in microseconds."""
    before = children_us()
    try:
        done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout_s, env={**os.environ, **(env or {})}, cwd="/", check=False)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{argv[0]} did not end within {timeout_s:g} s") from late
    if done.returncode != 0:
        raise Failure(f"{argv[0]} failed: {(done.stderr or done.stdout).strip()[-1000:]}")
    return done.stdout, children_us() - before


# ---- what processes cost ----

def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for parent in found:
        for path in glob.glob(f"/proc/{parent}/task/*/children"):
            with contextlib.suppress(OSError):  # the thread has just ended
                found += map(int, Path(path).read_text().split())
    return found


def texts(pid: int, name: str) -> Iterator[str]:
    """That file under /proc, of the process and of each of its descendants."""
    for each in tree(pid):
        with contextlib.suppress(OSError):  # the process has just ended
            yield Path(f"/proc/{each}/{name}").read_text()


def cpu_us(pid: int) -> int:
    """CPU time of the process and its descendants, those that have ended included."""
    return sum(sum(map(int, text.rpartition(")")[2].split()[11:15])) for text in texts(pid, "stat")) * TICK_US


def peak_mib(pid: int) -> float:
    """The peak of resident memory, summed over the process and its descendants."""
    lines = (line for text in texts(pid, "status") for line in text.splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def machine_us() -> tuple[int, int]:
    """CPU time of the whole machine: busy, and stolen by its host."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) * TICK_US, steal * TICK_US
