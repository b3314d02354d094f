"""Two servers, one of which follows the other, and one ordersd that uses them. The servers have addresses of their own and one
port, so that a name can lead from one to the other; their data are in memory."""
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from chaos import sandbox, wait
from chaos.orders import ROWS_SQL, Rows, parse_rows
from chaos.postgres import DATABASE, Postgres
from chaos.process import run
from chaos.service import HOST, Service
from chaos.world import GRANTS, ROLES, SCHEMA
from promotions.ways import Way

ADDRESSES = {"a": "127.0.0.2", "b": "127.0.0.3"}
NAME = "primary.ordersd.test"
HOSTS = Path("/etc/hosts")
READY_S = 60.0


class Stage:
    def __init__(self, way: Way, program: Path, settings: Mapping[str, str]) -> None:
        self.way, self._program = way, program
        self.folder = sandbox.make_folder()
        self._hosts = Hosts(self.folder / "hosts") if way.names == "name" else None
        port = sandbox.free_port()
        self.servers = {name: self._server(name, port) for name in ADDRESSES}
        self.primary, self.standby = self.servers["a"], self.servers["b"]
        hosts = NAME if self._hosts else ",".join(ADDRESSES.values())
        url = f"host={hosts} port={port} user=ordersd_app dbname={DATABASE}"
        self.service = Service(0, program, sandbox.free_port(), self.folder, {}, keeps_socket=False)
        # The defaults of ordersd, and not the short times with which tests/chaos runs it.
        self.service.settings = {"DATABASE_URL": url, "DATABASE_MIGRATE": "false", "HTTP_ADDRESS": HOST, "AUTH": "none",
                                 "LOG_FORMAT": "json", **settings}

    def _server(self, name: str, port: int) -> Postgres:
        folders = [self.folder / name / part for part in ("data", "wal", "sockets")]
        for folder in folders:
            folder.mkdir(parents=True)
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
        server = Postgres(name, port, *folders, self.folder / f"postgres-{name}.log")
        server.host = ADDRESSES[name]
        return server

    async def start(self) -> None:
        first = self.primary
        await first.create()
        await first.start()
        await first.sql(ROLES, database="postgres")
        await first.sql(SCHEMA)
        env = {"DATABASE_URL": first.conninfo(user="ordersd_owner"), "PATH": os.environ["PATH"]}
        code, _, err = await run([str(self._program), "migrate"], timeout_s=READY_S, env=env)
        if code != 0:
            raise RuntimeError(f"ordersd migrate failed with {code}: {err[-500:]}")
        await first.sql(GRANTS)
        await self.attach_standby()
        self.point_name()
        await self.service.start()
        await wait.until(self.service.ready, READY_S, "ordersd is ready", 0.1)

    def close(self) -> None:
        self.service.close()
        for server in self.servers.values():
            server.resume()
            server.kill()

    # ---- who is who ----

    def swap(self) -> None:
        self.primary, self.standby = self.standby, self.primary

    def point_name(self) -> None:
        if self._hosts:
            self._hosts.write(f"{self.primary.host} {NAME}\n")

    async def attach_standby(self) -> None:
        """Makes the other server anew, as a standby of the primary."""
        await self.standby.follow(self.primary)
        if self.way.standby == "synchronous":
            await self.primary.await_standby(self.standby)
        else:
            await wait.until(self._streams, READY_S, "the standby follows", 0.1)

    async def _streams(self) -> bool:
        return await self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1"

    async def rows_of(self, server: Postgres) -> Rows:
        return parse_rows((await server.sql(ROWS_SQL, 60, separator="\t")).split("\n"))


class Hosts:
    """/etc/hosts of this mount namespace: written in place, and read by each lookup of a name."""

    def __init__(self, path: Path) -> None:
        if not sandbox.own():
            raise RuntimeError(f"a name can be moved in a mount namespace only: {sandbox.why_not()}")
        path.write_text("")
        self._before = HOSTS.read_text()
        sandbox.bind(path, HOSTS)

    def write(self, line: str) -> None:
        HOSTS.write_text(self._before + line)
