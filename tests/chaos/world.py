"""The world of a run: two PostgreSQL servers, one ordersd or three behind HAProxy, and a proxy on every connection.

    clients -> front link -> ordersd                      -> back link of each server -> PostgreSQL a (primary)
    clients -> front link -> HAProxy -> ordersd, 3 times  -> back link of each server -> PostgreSQL b (standby)

Each replica has back links of its own, so one replica alone can be cut off. What the driver itself asks goes past
all links: SQL through unix sockets, health and metrics to the port of each replica."""
import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos import balancer, clock, sandbox, wait
from chaos.history import Span
from chaos.links import Link, Proxy
from chaos.orders import ROWS_SQL, Rows, parse_rows
from chaos.postgres import DATABASE, Postgres
from chaos.process import run
from chaos.service import HOST, Service

ROOT = Path(__file__).resolve().parents[2]
READY_S = 120.0
MIGRATE_S = 150.0  # ordersd migrate gives up after 120 s
ENDING_S = 15.0  # SHUTDOWN_TIMEOUT of service.py, and a margin

ROLES = """
CREATE ROLE ordersd_owner LOGIN;
CREATE ROLE ordersd_app LOGIN;
CREATE DATABASE ordersd OWNER ordersd_owner ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
"""
SCHEMA = """
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO ordersd_owner;
GRANT USAGE ON SCHEMA public TO ordersd_app;
"""
GRANTS = """
GRANT SELECT, INSERT ON orders TO ordersd_app;
GRANT SELECT ON ordersd_migrations TO ordersd_app;
"""


@dataclass
class WorldOptions:
    """What a world is made of."""
    seed: int | str = 1
    replicas: int = 1
    program: Path = ROOT / "build" / "dev" / "ordersd"
    settings: Mapping[str, str] = field(default_factory=dict)  # of ordersd, beside those of service.py
    keeps_socket: bool = True
    disk_mib: int = 300  # of each data folder; half of that for WAL
    clocks: bool = False  # may faults step the clocks of the processes?
    partitions: int = 0  # hash partitions of the table; 0: a plain table


class World:
    def __init__(self, options: WorldOptions) -> None:
        self.options, self.seed = options, options.seed
        self.timeline: list[tuple[float, str]] = []
        self.on_note = lambda at, text: None  # progress: somebody may want to see the notes
        self.folder = sandbox.make_folder()
        self.logs = self._disk("logs", 64)
        self.servers = {name: self._server(name) for name in "ab"}
        self._primary = "a"
        self.standby_follows = False
        self.exclusive = Exclusive()
        self.replicas: list[Service] = []
        self.balancer: balancer.HAProxy | None = None
        self.back: dict[tuple[int, str], Link] = {}
        self.front: list[Link] = []
        self.proxy: Proxy | None = None

    def rng(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")

    def note(self, text: str) -> None:
        """A line for the timeline."""
        self.timeline.append((clock.now(), text))
        self.on_note(clock.now(), text)

    # ---- disks ----

    def _disk(self, name: str, mib: int) -> Path:
        """A folder that is a file system of its own and has a size, where mounting is allowed."""
        folder = self.folder / name
        sandbox.mount_tmpfs(folder, mib)
        return folder

    def _server(self, name: str) -> Postgres:
        data = self._disk(f"{name}/data", self.options.disk_mib)
        wal = self._disk(f"{name}/wal", max(160, self.options.disk_mib // 2))
        sockets = self.folder / name / "sockets"
        sockets.mkdir()
        for folder in (data, wal, sockets):
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
        log = self.logs / f"postgres-{name}.log"
        server = Postgres(name, sandbox.free_port(), data, wal, sockets, log)
        server.env.update(self._clock_env(f"postgres-{name}"))
        return server

    def _clock_env(self, name: str) -> dict[str, str]:
        """What lets a fault step the clock of that process alone."""
        if not self.options.clocks:
            return {}
        from chaos.faults.machine import clock_env  # the faults know the world
        return clock_env(self, name)

    # ---- start and end ----

    async def start(self) -> None:
        """Returns when every replica stores orders and commits wait for the standby."""
        await self._start_servers()
        self.proxy = await Proxy.start(self.folder, self.logs / "proxy.log")
        for n in range(self.options.replicas):
            await self._start_replica(n)
        await self._start_front()
        await wait.until(self._started, READY_S, "every replica is ready", 0.1)

    async def _started(self) -> bool:
        for service in self.replicas:
            if service.unexpected:
                raise RuntimeError(f"{service.unexpected[0]}; its log: {service.log.read_text()[-500:]}")
        return await self.ready()

    async def _start_servers(self) -> None:
        first, second = self.servers["a"], self.servers["b"]
        await first.create()
        await first.start()
        await first.sql(ROLES, database="postgres")
        await first.sql(SCHEMA)
        await self.migrate()
        await self.grant()
        await second.follow(first)
        await first.await_standby(second)
        self.standby_follows = True

    async def migrate(self, program: Path | None = None) -> str:
        """As OPERATIONS has it: the owner migrates. Returns the log."""
        url = self.primary.conninfo(user="ordersd_owner")
        partitions = [f"--partitions={self.options.partitions}"] if self.options.partitions else []
        code, _, err = await run([str(program or self.options.program), "migrate", *partitions], timeout_s=MIGRATE_S,
                                 env={"DATABASE_URL": url, "PATH": os.environ["PATH"]})
        if code != 0:
            raise RuntimeError(f"ordersd migrate failed with {code}: {err[-500:]}")
        return err

    async def grant(self) -> None:
        """As OPERATIONS has it: the service runs as a role that can read and add orders."""
        await self.primary.sql(GRANTS)

    async def _start_replica(self, n: int) -> None:
        assert self.proxy
        for name, server in self.servers.items():
            self.back[n, name] = await self.proxy.open(f"back-{n}-{name}", f"{HOST}:{server.port}", sandbox.free_port())
        ports = ",".join(str(self.back[n, name].port) for name in self.servers)
        url = f"host={HOST},{HOST} port={ports} user=ordersd_app dbname={DATABASE}"
        settings = {"DATABASE_URL": url, **self._clock_env(f"replica-{n}"), **self.options.settings}
        service = Service(n, self.options.program, sandbox.free_port(), self.logs, settings, self.options.keeps_socket)
        self.replicas.append(service)
        await service.start()

    async def _start_front(self) -> None:
        assert self.proxy
        port = self.replicas[0].port
        if len(self.replicas) > 1:
            port = sandbox.free_port()
            self.balancer = balancer.HAProxy(ROOT / "docker/haproxy/haproxy.cfg", port, [s.port for s in self.replicas],
                                             self.folder, self.logs / "haproxy.log")
            await self.balancer.start()
        self.front.append(await self.proxy.open("front", f"{HOST}:{port}", sandbox.free_port()))

    async def close(self) -> None:
        """Ends all processes, without grace: what had to be seen has been seen."""
        for service in self.replicas:
            service.close()
        if self.balancer:
            self.balancer.kill()
        for server in self.servers.values():
            server.resume()
            server.kill()
        if self.proxy:
            self.proxy.process.kill()
        await asyncio.sleep(0.2)

    # ---- who is who ----

    @property
    def primary(self) -> Postgres:
        return self.servers[self._primary]

    @property
    def standby(self) -> Postgres:
        """The other server, whether or not it follows at the moment: see standby_follows."""
        return self.servers["b" if self._primary == "a" else "a"]

    @property
    def http(self) -> list[tuple[str, int]]:
        """Where clients connect."""
        return [(HOST, link.port) for link in self.front]

    async def standby_in_sync(self) -> bool:
        return self.standby_follows and await self.primary.in_sync(self.standby)

    async def promote_standby(self) -> None:
        """The standby becomes the primary. The old primary is whatever the caller has made of it; until
        rebuild_standby() no commit waits for a second server."""
        await self.standby.promote()
        self._primary = self.standby.name
        self.standby_follows = False

    async def rebuild_standby(self, timeout_s: float = 60) -> None:
        """The other server is made anew as a standby, and commits wait for it again."""
        await self.standby.follow(self.primary)
        await self.primary.await_standby(self.standby, timeout_s)
        self.standby_follows = True

    # ---- how it is ----

    async def ready(self) -> bool:
        """Is every replica ready, asked directly?"""
        return all(await asyncio.gather(*(service.ready() for service in self.replicas)))

    async def rows(self, timeout_s: float = 60) -> Rows:
        text = await self.primary.sql(ROWS_SQL, timeout_s, separator="\t")
        return parse_rows(text.split("\n"))

    def unexpected_ends(self, stalls: Sequence[Span] = ()) -> list[str]:
        """A process that needs too long for its orderly end is exempted by a machine that stood still meanwhile."""
        slow = [text for service in self.replicas for at, text in service.slow_ends
                if not any(began <= at <= ended + ENDING_S for began, ended in stalls)]
        return [text for service in self.replicas for text in service.unexpected] + slow


class Exclusive:
    """Names of things that only one fault may hold at a time."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def taken(self, names: frozenset[str]) -> frozenset[str]:
        """Those of the names that somebody holds."""
        return names & self._held

    @contextlib.asynccontextmanager
    async def holding(self, names: frozenset[str], timeout_s: float) -> AsyncIterator[None]:
        """wait.TooLate when the names do not become free. All are taken at once, so nobody waits for each other."""
        await wait.until(lambda: not self.taken(names), timeout_s, f"{', '.join(sorted(names))} are free", 0.1)
        self._held |= names
        try:
            yield
        finally:
            self._held -= names
