"""A run that makes ordersd send every statement that it has. The tests of tests/chaos lend their parts."""
import asyncio
import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from chaos import sandbox, wait
from chaos.postgres import Postgres
from chaos.process import run
from chaos.service import HOST, Service
from chaos.world import GRANTS, ROLES, SCHEMA
from portable.log import SETTINGS, Entry, entries
from portable.sources import ROOT

USERS = {"ordersd_owner", "ordersd_app"}
READY_S, COMMAND_S = 60.0, 60.0

# The database refuses one symbol by a constraint, one account by a policy and one by a trigger that lacks a right.
RULES = """
ALTER TABLE orders ADD CONSTRAINT known_symbol CHECK (symbol <> 'UNKNOWN');
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON orders FOR SELECT USING (true);
CREATE POLICY writes ON orders FOR INSERT WITH CHECK (account_id <> 'FORBIDDEN');
CREATE FUNCTION bar() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.account_id = 'BARRED' THEN PERFORM set_config('session_replication_role', 'replica', true); END IF; RETURN NEW; END $$;
CREATE TRIGGER bars BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION bar();
"""
# A prepared lookup cannot go on after this: its result has another type.
OTHER_TYPE = "ALTER TABLE orders ALTER COLUMN symbol TYPE varchar(64)"
OLD = """
INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, time_in_force, received_at)
SELECT 'OLD', n::text, (lpad(to_hex(1000000000000 + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, 'X', 'buy',
       'market', 1, 'day', to_timestamp(1000000000) FROM generate_series(1, 5) AS n
"""


def order(cid: str, account: str = "A", symbol: str = "X") -> dict[str, str]:
    return {"account_id": account, "client_order_id": cid, "symbol": symbol, "side": "buy", "type": "market", "quantity": "1"}


class Run:
    def __init__(self) -> None:
        self.folder = sandbox.make_folder()
        data, wal, sockets = (self.folder / what for what in ("data", "wal", "sockets"))
        for folder in (data, wal, sockets):
            folder.mkdir()
            if os.geteuid() == 0:
                shutil.chown(folder, "postgres", "postgres")
        self.server = Postgres("a", sandbox.free_port(), data, wal, sockets, self.folder / "postgres.log")
        self.server.settings = SETTINGS
        self.program = Path(os.environ.get("ORDERSD", ROOT / "build/dev/ordersd"))
        self._services = 0

    async def whole(self) -> list[Entry]:
        """Returns what was logged."""
        try:
            await self._steps()
        finally:
            await self.server.stop("immediate")
        return list(entries(self.server.data / "log/statements.json", USERS))

    async def _steps(self) -> None:
        await self.server.create()
        await self.server.start()
        await self.server.sql(ROLES, database="postgres")
        await self.server.sql(SCHEMA)
        for _ in range(2):  # the second one finds all made
            await self.command("migrate", "--partitions=2", "--publication")
        await self.command("migrate", "--distribute")  # finds no Citus
        await self.server.sql(GRANTS + RULES)
        for prepare in ("true", "false"):
            await self.serve(prepare)
        await self.server.sql(OLD)
        await self.command("prune", "--older-than=400d", "--batch=2", "--dry-run")
        await self.command("prune", "--older-than=400d", "--batch=2")

    async def command(self, *arguments: str) -> None:
        env = {"DATABASE_URL": self.server.conninfo(user="ordersd_owner"), "PATH": os.environ["PATH"]}
        code, out, err = await run([str(self.program), *arguments], timeout_s=COMMAND_S, env=env)
        if code != 0:
            raise RuntimeError(f"ordersd {' '.join(arguments)} failed with {code}: {out} {err}")

    async def serve(self, prepare: str) -> None:
        settings = {"DATABASE_URL": self.server.conninfo(user="ordersd_app"), "DATABASE_PREPARE": prepare,
                    "DATABASE_MAX_POOL_SIZE": "4"}
        service = Service(self._services, self.program, sandbox.free_port(), self.folder, settings)
        self._services += 1
        await service.start()
        try:
            await wait.until(service.ready, READY_S, "ordersd is ready", 0.1)
            await asyncio.to_thread(self.requests, service.port, prepare)
            await self.server.sql(OTHER_TYPE if prepare == "true" else "SELECT 1")
            await asyncio.to_thread(self.lookups, service.port, prepare)
        finally:
            service.close()
            await service.end()

    def requests(self, port: int, run_of: str) -> None:
        one = self.ask(port, 201, "/v1/orders", order(f"{run_of}-1"))
        self.ask(port, 200, "/v1/orders", order(f"{run_of}-1"))
        self.ask(port, 200, "/v1/orders/batch", [order(f"{run_of}-2"), order(f"{run_of}-1")])
        atomic = [order(f"{run_of}-{n}") for n in range(3, 7)]
        self.ask(port, 201, "/v1/orders/batch?atomic=true", atomic)
        self.ask(port, 200, "/v1/orders/batch?atomic=true", atomic)
        self.ask(port, 422, "/v1/orders/batch?atomic=true", [order(f"{run_of}-8"), order(f"{run_of}-9", symbol="UNKNOWN")])
        self.ask(port, 422, "/v1/orders", order(f"{run_of}-10", symbol="UNKNOWN"))
        self.ask(port, 422, "/v1/orders", order(f"{run_of}-11", account="FORBIDDEN"))
        self.ask(port, 422, "/v1/orders", order(f"{run_of}-12", account="BARRED"))
        self.ask(port, 200, f"/v1/orders/{one['order_id']}")
        self.lookups(port, run_of)

    def lookups(self, port: int, run_of: str) -> None:
        self.ask(port, 200, f"/v1/orders?account_id=A&client_order_id={run_of}-1")
        self.ask(port, 200, "/v1/orders?account_id=A")

    def ask(self, port: int, want: int, path: str, body: object = None) -> "Mapping[str, str]":
        request = urllib.request.Request(f"http://{HOST}:{port}{path}", headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        if status != want:
            raise RuntimeError(f"{path}: {status}, not {want}: {text.decode()[:300]}")
        return json.loads(text)


