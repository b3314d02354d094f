"""A private PostgreSQL under var/, with fsync on and on unix sockets only, made and removed by the benchmark; its standby;
and what slows its commits and its network."""
import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.process import ROOT, Child, Failure, free_port, output_of, until

LIBRARY = ROOT / "scripts/lib.sh"
SETTINGS = {"max_connections": "200", "max_wal_size": "4GB", "min_wal_size": "1GB"}
# As much WAL as min_wal_size. The checkpoint behind it leaves files that are used again, as in a database that has run for
# a while: each new file costs the commit that needs it some 15 ms.
WAL = "SELECT count(pg_logical_emit_message(false, 'ordersd', repeat('x', 1000000))) FROM generate_series(1, 1000)"
SOCKET = ".s.PGSQL.5432"

# Before each statement's rows, so that every system pays it once a commit.
SLEEP = """
CREATE OR REPLACE FUNCTION commit_latency() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;
"""
TRIGGER = "CREATE TRIGGER commit_latency BEFORE INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION commit_latency();"
NO_TRIGGER = "DROP FUNCTION IF EXISTS commit_latency() CASCADE;"


def library(*words: str | Path) -> str:
    """Calls a function of scripts/lib.sh."""
    return output_of(["bash", "-c", '. "$0"; "$@"', LIBRARY, *words], 120)[0].strip()


class Server:
    """One server, which runs as the user postgres when this program runs as root."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.data, self.folder, self.log = folder / "data", folder, log
        self.bin = Path(library("pg_bin"))
        self.child: Child | None = None

    def start(self, **settings: str) -> None:
        words = [word for name, value in (SETTINGS | settings).items() for word in ("-c", f"{name}={value}")]
        self.child = Child(["bash", "-c", '. "$0"; pg_exec "$@"', LIBRARY, "setpriv", "--pdeathsig", "INT", "--",
                            self.bin / "postgres", "-D", self.data, "-k", self.folder, "-c", "listen_addresses=", *words],
                           self.log)
        until(self._accepts, f"PostgreSQL in {self.data} accepts connections")

    def _accepts(self) -> bool:
        assert self.child
        if not self.child.alive():
            raise Failure(f"PostgreSQL has ended: {self.child.last_words()}")
        return subprocess.run([self.bin / "pg_isready", "-q", "-h", self.folder], check=False).returncode == 0

    def stop(self) -> None:
        if self.child:
            self.child.stop(signal.SIGINT)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql:///{database}?host={self.folder}&user=postgres"

    def sql(self, *texts: str, database: str = "postgres") -> str:
        commands = [word for text in texts for word in ("-c", text)]
        return output_of(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *commands, self.url(database)], 120)[0].strip()


class Database:
    """The server that everything is measured with. `url` is where services find it."""

    def __init__(self, logs: Path) -> None:
        var = ROOT / "var"
        var.mkdir(exist_ok=True)
        self.folder = Path(library("pg_folder", tempfile.mkdtemp(prefix="bench-", dir=var)))
        self.logs, self.gates = logs, 0
        self._owner: Path | None = None  # the program that has made the schema
        self._triggers = ""
        self.server = Server(self.folder, logs / "postgres.log")
        self.sql, self.url = self.server.sql, self.server.url()

    def start(self) -> None:
        library("pg_init", self.server.data)
        self.server.start()
        self.sql(WAL, "CHECKPOINT")

    def close(self) -> None:
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self.server.child
        return self.server.child.pid

    # ---- state ----

    def empty(self, program: Path) -> None:
        """An empty table, as this program makes it: one of another release may have another schema."""
        if program == self._owner:
            self.sql("TRUNCATE orders", "CHECKPOINT")
            return
        self.sql("DROP TABLE IF EXISTS orders, ordersd_migrations")
        output_of([program, "migrate"], 60, {"DATABASE_URL": self.server.url()})
        self.sql(self._triggers, "CHECKPOINT")
        self._owner = program

    def rows(self) -> int:
        return int(self.sql("SELECT count(*) FROM orders"))

    def commits(self) -> int:
        """Asked in another database, so that the question is not counted, and once all backends have reported."""
        sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres'"
        until(lambda: self.sql(sessions, database="template1") == "0", "no session is left in the database", 20)
        return int(self.sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'postgres'", database="template1"))

    def version(self) -> str:
        return self.sql("SHOW server_version")

    def settings(self) -> dict[str, str]:
        names = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method", "shared_buffers", "max_wal_size")
        return {name: self.sql(f"SHOW {name}") for name in names}

    # ---- conditions ----

    def set_commit_latency(self, ms: float) -> None:
        self.sql(SLEEP.format(seconds=ms / 1000))

    @contextlib.contextmanager
    def slow_commits(self, ms: float) -> Iterator[None]:
        self.set_commit_latency(ms)
        self._triggers = TRIGGER
        self.sql(TRIGGER)
        try:
            yield
        finally:
            self._triggers = ""
            self.sql(NO_TRIGGER)

    @contextlib.contextmanager
    def slow_network(self, ms: float, gate_program: Path) -> Iterator[None]:
        """A round trip to the database takes so much longer."""
        with self._gate(gate_program, self.folder, ms) as port:
            before, self.url = self.url, f"postgresql://postgres@127.0.0.1:{port}/postgres"
            try:
                yield
            finally:
                self.url = before

    @contextlib.contextmanager
    def synchronous_standby(self, ms: float, gate_program: Path) -> Iterator[None]:
        """Each commit waits for a standby, which is so far away."""
        folder = Path(library("pg_folder", self.folder / "standby"))
        standby = Server(folder, self.logs / "standby.log")
        library("pg_exec", standby.bin / "pg_basebackup", "-D", standby.data, "-h", self.folder, "-U", "postgres", "-c", "fast")
        library("pg_exec", "touch", standby.data / "standby.signal")
        with self._gate(gate_program, self.folder, ms) as port:
            try:
                standby.start(primary_conninfo=f"host=127.0.0.1 port={port} user=postgres application_name=standby",
                              hot_standby="on")
                self._await_standby("*", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
                yield
            finally:
                self._await_standby("", "SELECT 1")
                standby.stop()
                shutil.rmtree(folder, ignore_errors=True)

    def _await_standby(self, names: str, question: str) -> None:
        self.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", "SELECT pg_reload_conf()")
        until(lambda: self.sql(question) == "1", "the standby is synchronous")

    @contextlib.contextmanager
    def _gate(self, program: Path, folder: Path, ms: float) -> Iterator[int]:
        port, log = free_port(), self.logs / f"gate-{self.gates}.log"
        self.gates += 1
        gate = Child([program, str(port), folder / SOCKET, str(round(ms * 1000))], log, stdin=subprocess.PIPE)
        try:
            until(lambda: "ready" in log.read_text(), f"the gate on port {port} listens", 10)
            yield port
        finally:
            gate.stdin.close()  # ends it
            gate.stop()
