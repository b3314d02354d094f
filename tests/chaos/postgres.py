"""A PostgreSQL server under test: made, started, killed, stopped, promoted, rebuilt as the other one's standby."""
import contextlib
import glob
import os
import shutil
import signal
from pathlib import Path

from chaos import wait
from chaos.process import Process, run
from chaos.sql import Session, SqlError, psql

DATABASE = "ordersd"
ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"}

# A lost standby is noticed within seconds, a crash is recovered from within seconds, and a killed server
# leaves no segment in /dev/shm. fsync stays on: on a tmpfs it costs nothing, and ordersd warns without it.
SETTINGS = """
max_connections = 120
shared_buffers = 32MB
dynamic_shared_memory_type = mmap
max_wal_size = 64MB
min_wal_size = 32MB
max_slot_wal_keep_size = 100MB
checkpoint_timeout = 60s
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 100ms
hot_standby_feedback = on
wal_log_hints = on
autovacuum_naptime = 5s
log_line_prefix = '%m [%p] %a '
log_min_messages = warning
"""

# The primary keeps the WAL of a standby that is away.
SLOT = """
SELECT pg_create_physical_replication_slot('{name}', true)
WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{name}')
"""


def programs() -> Path:
    """The folder of the newest server that Debian's packages have installed."""
    found = glob.glob("/usr/lib/postgresql/*/bin/postgres")
    if not found:
        raise FileNotFoundError("no PostgreSQL server under /usr/lib/postgresql: scripts/deps test")
    return Path(max(found, key=lambda path: int(path.split("/")[4]))).parent


class Postgres:
    """One server. `data` and `wal` are folders that exist and belong to the server's user."""

    def __init__(self, name: str, port: int, data: Path, wal: Path, sockets: Path, log: Path) -> None:
        self.name, self.port, self.host = name, port, "127.0.0.1"
        self.data, self.wal, self.sockets, self.log = data / "cluster", wal / "segments", sockets, log
        self.env: dict[str, str] = {}  # what a fault adds for the next start, as LD_PRELOAD
        self.settings = ""  # more lines of the configuration, before create() or follow()
        self._bin = programs()
        self._process: Process | None = None

    # ---- making ----

    async def create(self) -> None:
        await self._tool("initdb", "-D", str(self.data), "-X", str(self.wal), "-U", "postgres", "-A", "trust",
                         "-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1", "--no-sync")
        self.configure(following=None, awaited=None)

    async def follow(self, other: "Postgres") -> None:
        """Makes the server anew as a standby of the other one and starts it. Its own data are lost."""
        await self.stop("immediate")
        for folder in (self.data, self.wal):
            shutil.rmtree(folder, ignore_errors=True)
        await other.sql(SLOT.format(name=self.name), database="postgres")
        await self._tool("pg_basebackup", "-D", str(self.data), f"--waldir={self.wal}", "-X", "stream",
                         "-S", self.name, "-c", "fast", "--no-sync", "-d", other.conninfo("postgres"), timeout_s=120)
        self.configure(following=other, awaited=None)
        await self.start()

    def configure(self, *, following: "Postgres | None", awaited: str | None) -> None:
        """Writes the configuration. `awaited` is the standby that commits wait for."""
        lines = [SETTINGS, self.settings, f"listen_addresses = '{self.host}'", f"port = {self.port}", f"unix_socket_directories = '{self.sockets}'",
                 f"synchronous_standby_names = '{awaited or ''}'"]
        if following:
            lines.append(f"primary_slot_name = '{self.name}'")
            lines.append(f"primary_conninfo = 'host={following.host} port={following.port} user=postgres "
                         f"connect_timeout=3 application_name={self.name}'")
        self._write("postgresql.auto.conf", "\n".join(lines) + "\n")
        mark = self.data / "standby.signal"
        if following:
            self._write("standby.signal", "")
        else:
            mark.unlink(missing_ok=True)

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        path.write_text(text)
        owner = self.data.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

    async def await_standby(self, standby: "Postgres | None", timeout_s: float = 30) -> None:
        """From now on commits wait for that standby, or for none."""
        self.configure(following=None, awaited=standby.name if standby else None)
        await self.sql("SELECT pg_reload_conf()")
        if standby:
            await wait.until(lambda: self.in_sync(standby), timeout_s, f"{standby.name} follows {self.name}", 0.2)

    async def _tool(self, program: str, *arguments: str, timeout_s: float = 60) -> None:
        code, _, err = await run([str(self._bin / program), *arguments], user="postgres", env=ENV, timeout_s=timeout_s)
        if code != 0:
            raise RuntimeError(f"{program} for {self.name} failed: {err.strip()[-500:]}")

    # ---- life ----

    async def start(self, timeout_s: float = 60) -> None:
        """Returns when the server accepts connections."""
        await self._all_gone()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._process = Process([str(self._bin / "postgres"), "-D", str(self.data)], user="postgres", log=self.log,
                                env=ENV | self.env)
        await wait.until(self.accepts, timeout_s, f"PostgreSQL {self.name} accepts connections", 0.1)

    async def accepts(self) -> bool:
        if not self.alive():
            raise RuntimeError(f"PostgreSQL {self.name} has ended; the last lines of its log:\n{self.last_words()}")
        with contextlib.suppress(SqlError):
            return await self.sql("SELECT 1", timeout_s=5, database="postgres") == "1"
        return False

    async def stop(self, mode: str = "fast", timeout_s: float = 30) -> None:
        """fast or immediate, as pg_ctl has them. A server that does not end is killed."""
        if self._process and self.alive():
            number = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode]
            self.resume()
            await self._process.stop(number, timeout_s)
        await self._all_gone()

    def kill(self) -> None:
        """Kills the postmaster; its backends notice and end by themselves, as they do after a real crash."""
        if self._process:
            self._process.kill()
        for pid in self.pids():  # a stopped backend would notice nothing
            _signal(pid, signal.SIGCONT)

    def pause(self) -> None:
        for pid in self.pids():
            _signal(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self.pids():
            _signal(pid, signal.SIGCONT)

    async def _all_gone(self, timeout_s: float = 10) -> None:
        """A backend that outlives its postmaster keeps the shared memory, and no new server starts before it ends."""
        try:
            await wait.until(lambda: not self.pids(), timeout_s, f"the processes of {self.name} end")
        except wait.TooLate:
            for pid in self.pids():
                _signal(pid, signal.SIGKILL)
            await wait.until(lambda: not self.pids(), timeout_s, f"the killed processes of {self.name} end")

    async def promote(self, timeout_s: float = 30) -> None:
        """The standby becomes a primary. Its commits wait for no standby until await_standby() says so."""
        if await self.sql(f"SELECT pg_promote(true, {int(timeout_s)})", timeout_s=timeout_s + 5) != "t":
            raise RuntimeError(f"PostgreSQL {self.name} cannot be promoted")
        self.configure(following=None, awaited=None)

    # ---- what it is and does ----

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def pids(self) -> list[int]:
        """The postmaster first, then its children; they are known by their working folder, whoever their parent is."""
        postmaster = self._process.pid if self._process and self._process.alive() else 0
        found = {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._works_here(pid)}
        return ([postmaster] if postmaster else []) + sorted(found - {postmaster})

    def _works_here(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return os.readlink(f"/proc/{pid}/cwd") == str(self.data)
        return False

    def conninfo(self, database: str = DATABASE, user: str = "postgres") -> str:
        return f"host={self.host} port={self.port} user={user} dbname={database} connect_timeout=5"

    def _direct(self, database: str) -> str:
        return f"host={self.sockets} port={self.port} user=postgres dbname={database} connect_timeout=5"

    async def sql(self, text: str, timeout_s: float = 10, database: str = DATABASE, separator: str = "|") -> str:
        """Through the unix socket, which no fault of the network touches. SqlError when it fails or takes longer."""
        return await psql(self._direct(database), text, timeout_s, separator)

    async def session(self, database: str = DATABASE) -> Session:
        """A connection that lasts, for what must hold a lock or a transaction."""
        return await Session.open(self._direct(database))

    async def in_sync(self, standby: "Postgres") -> bool:
        """Does that standby have all that was acknowledged so far, and do commits wait for it?"""
        text = ("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync' "
                f"AND application_name = '{standby.name}'")
        with contextlib.suppress(SqlError):
            return await self.sql(text, timeout_s=5, database="postgres") == "1"
        return False

    async def backends(self, condition: str = "application_name LIKE 'ordersd%'") -> list[int]:
        text = f"SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND {condition}"
        return [int(pid) for pid in (await self.sql(text)).split()]

    def last_words(self, lines: int = 8) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return "(no log)"


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
