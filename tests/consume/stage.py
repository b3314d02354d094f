"""What the tests of consumers share: a PostgreSQL with wal_level=logical, an ordersd that stores orders in it, clients
that keep every acknowledged order_id, and consumers that are started again whenever they end.

The parts are those of tests/chaos. Everything listens on 127.0.0.1 and ends with the test."""
import asyncio
import contextlib
import itertools
import os
import random
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from chaos import clock, sandbox, wait
from chaos.history import ACKNOWLEDGED, History, Sent
from chaos.http_client import HttpClient, Limits
from chaos.orders import make_content, render
from chaos.postgres import DATABASE, Postgres, programs
from chaos.process import Process, run
from chaos.service import HOST, Service
from chaos.world import GRANTS, ROLES, SCHEMA
from consume.document import ROOT, block

LOGICAL = "wal_level = logical"
READER = "ordersd_reader"
CLIENTS, BATCH, PAUSE_S = 4, 5, 0.02
READY_S = 60.0
# An order that no client has sent, as it stands in the table. Its id is made when the statement runs.
INSERT = """
INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, time_in_force, received_at)
SELECT 'A', '{cid}', (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' ||
       substr(md5('{cid}'), 1, 3) || '8' || substr(md5('{cid}'), 4, 15))::uuid, 'X', 'buy', 'market', 1, 'day', at
FROM clock_timestamp() AS at"""
RESTART_S = 0.2  # before a consumer that has ended is started again


def program() -> Path:
    return Path(os.environ.get("ORDERSD", ROOT / "build" / "dev" / "ordersd"))


def _base() -> dict[str, str]:
    """`ordersd` and the programs of PostgreSQL are found by their names."""
    path = os.pathsep.join((str(program().parent), str(programs()), os.environ.get("PATH", "/usr/bin:/bin")))
    return {"PATH": path, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Stage:
    """`settings` are those of ordersd, beside those of tests/chaos."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.folder = sandbox.make_folder()
        self.rng = random.Random(15)
        self.history = History.starting()
        self._servers: list[Postgres] = []
        self.server = self.make_server("a")
        self._settings = dict(settings or {})
        self._numbers = itertools.count()
        self.service: Service | None = None

    def make_server(self, name: str) -> Postgres:
        data, wal, sockets = (self.folder / name / what for what in ("data", "wal", "sockets"))
        for folder in (data, wal, sockets):
            folder.mkdir(parents=True)
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
        server = Postgres(name, sandbox.free_port(), data, wal, sockets, self.folder / f"postgres-{name}.log")
        server.settings = LOGICAL
        self._servers.append(server)
        return server

    # ---- start and end ----

    async def start(self) -> None:
        """Returns when orders are stored, the publication is made and the role of the document may read."""
        await self.server.create()
        await self.server.start()
        await self.server.sql(ROLES, database="postgres")
        await self.server.sql(SCHEMA)
        await self.shell("publication", self.migrating())
        await self.server.sql(GRANTS)
        await self.server.sql(block("reader"))
        url = self.server.conninfo(user="ordersd_app")
        self.service = Service(0, program(), sandbox.free_port(), self.folder, {"DATABASE_URL": url, **self._settings})
        await self.service.start()
        await wait.until(self.service.ready, READY_S, "ordersd is ready", 0.1)

    async def close(self) -> None:
        if self.service:
            self.service.close()
            with contextlib.suppress(AssertionError, TimeoutError):
                await self.service.end()
        for server in self._servers:
            await server.stop("immediate")

    # ---- the commands of the document ----

    def migrating(self, role: str = "ordersd_owner") -> dict[str, str]:
        """The environment of `ordersd migrate`."""
        return {**_base(), "DATABASE_URL": self.server.conninfo(user=role)}

    def env(self, **more: str) -> dict[str, str]:
        """The environment of the other commands: libpq's variables, for the role of the document that may read."""
        return {**_base(), "PGHOST": HOST, "PGPORT": str(self.server.port), "PGUSER": READER, "PGDATABASE": DATABASE,
                "PGCONNECT_TIMEOUT": "5", **more}

    async def shell(self, name: str, env: Mapping[str, str]) -> str:
        """Runs a command of the document to its end. Returns its output and errors."""
        code, out, err = await run(["/bin/bash", "-ec", block(name)], timeout_s=60, env=env)
        if code != 0:
            raise RuntimeError(f"the command {name} of the document failed with {code}: {out} {err}")
        return out + err

    # ---- a standby ----

    async def absent_standby(self) -> Postgres:
        """A standby that commits wait for, and which is stopped."""
        standby = self.make_server("b")
        await standby.follow(self.server)
        await self.server.await_standby(standby)
        await standby.stop()
        return standby

    async def commit_waits(self, condition: str = "true") -> bool:
        """Does a commit wait for the standby?"""
        text = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND {condition}"
        return await self.server.sql(text) != "0"

    # ---- faults ----

    async def kill_service(self) -> None:
        assert self.service
        self.service.kill()
        await self.service.end()
        await self.service.start()
        await wait.until(self.service.ready, READY_S, "ordersd is ready again", 0.1)

    async def kill_server(self, server: Postgres | None = None) -> None:
        server = server or self.server
        server.kill()
        await server.start()
        assert self.service
        await wait.until(self.service.ready, READY_S, "ordersd is ready again", 0.1)

    # ---- orders ----

    def client(self, name: str) -> HttpClient:
        assert self.service
        return HttpClient(name, self.history, [(HOST, self.service.port)], self.rng, Limits(), None)

    def order(self, account: str, cid: str) -> Sent:
        return Sent(account, cid, make_content(self.rng))

    @contextlib.asynccontextmanager
    async def load(self):
        """Clients post until the block ends. What is not acknowledged is repeated once, so some orders are replays."""
        over = asyncio.Event()
        clients = [asyncio.create_task(self._post(f"client-{n}", over)) for n in range(CLIENTS)]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*clients)

    async def _post(self, account: str, over: asyncio.Event) -> None:
        http = self.client(account)
        while not over.is_set():
            batch = [self.order(account, f"o-{next(self._numbers)}") for _ in range(BATCH)]
            body = ("[" + ",".join(render(sent) for sent in batch) + "]").encode()
            request = await http.post("batch", batch, body)
            if any(verdict.outcome not in ACKNOWLEDGED for verdict in request.verdicts):
                await asyncio.sleep(0.1)
                await http.post("batch", batch, body)
            await asyncio.sleep(PAUSE_S)
        http.hang_up()

    def acknowledged(self) -> set[str]:
        """The order_id of every order that was answered 2xx."""
        return {verdict.order_id for request in self.history.every() for verdict in request.verdicts
                if verdict.outcome in ACKNOWLEDGED and verdict.order_id}

    def stored(self) -> Sent:
        """An order that was answered 2xx."""
        return next(sent for request in self.history.requests for sent, verdict in zip(request.sent, request.verdicts)
                    if verdict.outcome in ACKNOWLEDGED)

    async def wait_for_more(self, count: int = 300) -> None:
        """Until so many more orders are acknowledged: a fault that follows strikes under load."""
        wanted = len(self.acknowledged()) + count
        await wait.until(lambda: len(self.acknowledged()) >= wanted, 60, f"{count} more orders are acknowledged", 0.1)


class Kept:
    """A consumer that is started again whenever it ends, as a service manager does it. stop() ends it for good."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._argv, self._env, self._log = list(argv), dict(env), log
        self._process: Process | None = None
        self._stopped = False
        self.starts = 0
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self._stopped:
            self._process = Process(self._argv, env=self._env, log=self._log)
            self.starts += 1
            await self._process.ended()
            await asyncio.sleep(RESTART_S)

    async def kill(self) -> None:
        """SIGKILL, and the next start."""
        before = self.starts
        await wait.until(lambda: self._process and self._process.kill(), 30, "the consumer runs")
        await wait.until(lambda: self.starts > before, 30, "the consumer is started again")

    async def stop(self) -> None:
        self._stopped = True
        if self._process:
            self._process.signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await self._process.end(10)
            self._process.kill()
        await self._task


def keys_of(rows: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], set[str]]:
    """The order_ids of each key, of rows (order_id, account_id, client_order_id)."""
    found: dict[tuple[str, str], set[str]] = {}
    for order_id, account, cid in rows:
        found.setdefault((account, cid), set()).add(order_id)
    return found


def complaint(way: str, acknowledged: set[str], arrived: Sequence[tuple[str, str, str]], stored: set[str]) -> str | None:
    """What is wrong with what has arrived, as rows (order_id, account_id, client_order_id) after the consumer has
    dropped orders that came again; None if nothing is wrong. Prints the figures. `stored` are the ids of the table."""
    ids = [row[0] for row in arrived]
    missing, strange = acknowledged - set(ids), set(ids) - stored
    doubled = len(ids) - len(set(ids)) + sum(len(of) > 1 for of in keys_of(arrived).values())
    text = (f"{way}: {len(acknowledged)} acknowledged, {len(ids)} arrived, missing {len(missing)}, doubled {doubled}, "
            f"not in the table {len(strange)}")
    print(f"[{clock.now():.1f} s] {text}", flush=True)
    return text if missing or doubled or strange or not acknowledged else None
