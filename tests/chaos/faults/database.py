"""What an operator, a migration or a careless statement does to the table while orders come: locks, DDL, cancelled and
terminated backends."""
import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any

from chaos.faults import NOT_IN_TIME, NOT_STORED, Fault, register
from chaos.sql import Session, SqlError
from chaos.wait import until

if TYPE_CHECKING:
    from chaos.world import World

OURS = "application_name LIKE 'ordersd%'"
WRITES_ALLOWED = "SET default_transaction_read_only = off;\n"
UNDO_S = 30.0  # another fault may have the primary for so long
DDL_S = 25.0


async def undo(world: "World", sql: str) -> None:
    """Runs the statements, which may be repeated, until they succeed: the primary may be away, or another by now."""
    async def done() -> bool:
        with contextlib.suppress(SqlError):
            await world.primary.sql(WRITES_ALLOWED + sql, timeout_s=DDL_S)
            return True
        return False
    await until(done, UNDO_S, f"{sql.strip()[:80]}", pause=0.5)


class OfTable(Fault):
    """Something is done to the table `orders`."""
    exempt_rules, because = NOT_IN_TIME, "the table was locked or away"

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"table"})


# ---- locks ----

class Held(OfTable):
    """A transaction of somebody else that stays open."""
    session: Session | None = None
    rows = 0  # that the statement returned

    def statement(self, world: "World") -> str:
        raise NotImplementedError

    async def inject(self, world: "World") -> str | None:
        self.session = await world.primary.session()
        try:
            output = await self.session.run(f"BEGIN;\n{self.statement(world)}")
        except SqlError as error:
            return self.not_now(str(error))
        if "ERROR" in output or "FATAL" in output:
            return self.not_now(output)
        self.rows = len(output.split())
        return f"in an open transaction: {self.statement(world)}"

    async def heal(self, world: "World") -> None:
        """The end of the connection rolls back, wherever the server is by now."""
        if self.session:
            await self.session.close()


@register
class LockTable(Held):
    """Somebody locks the table, in a mode that stops writes or everything."""
    kind, group, lasts = "lock_table", "database", (1.0, 8.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"mode": rng.choice(("ACCESS EXCLUSIVE", "EXCLUSIVE", "SHARE ROW EXCLUSIVE", "SHARE"))}

    def statement(self, world: "World") -> str:
        return f"LOCK TABLE orders IN {self.params['mode']} MODE"


# Clients number their ids: o-1, o-2, and so on. These are the ones that come next.
COMING_ROWS = """INSERT INTO orders
    SELECT account_id, 'o-' || n, gen_random_uuid(), 'HELD', 'buy', 'market', 1, NULL, NULL, 'day', NULL, now()
    FROM (SELECT account_id, max(substring(client_order_id FROM '^o-([0-9]+)$')::int) AS last
          FROM orders GROUP BY 1) AS so_far,
         generate_series(last + 1, last + {count}) AS n
    ON CONFLICT DO NOTHING RETURNING 1"""


@register
class LockRows(Held):
    """Another session's open transaction inserts ids that clients will send next; their INSERTs wait for its end."""
    kind, group, lasts = "lock_rows", "database", (1.0, 8.0)
    because = "ids of clients were locked"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"count": rng.choice((3, 30, 200))}  # for each account

    @property
    def needs(self) -> frozenset[str]:
        return frozenset()

    def statement(self, world: "World") -> str:
        return COMING_ROWS.format(count=self.params["count"])

    async def inject(self, world: "World") -> str | None:
        if await super().inject(world) is None:
            return None
        if self.rows == 0:
            return self.not_now("the table has no order of a client whose next id could be known")
        return f"{self.rows} ids that clients use next are in an open transaction"


# ---- DDL ----

class Statement(OfTable):
    """Statements that run while orders come, and others that take them back. The fault does not wait for their end."""
    task: "asyncio.Task[str] | None" = None
    because = "DDL held the table"

    def do(self) -> str:
        raise NotImplementedError

    def take_back(self) -> str:
        return ""

    async def inject(self, world: "World") -> str | None:
        self.task = asyncio.create_task(self.run(world))
        await asyncio.sleep(0)
        return self.do()

    async def run(self, world: "World") -> str:
        """Other faults may end it: then the statement has failed, which is no fault of ordersd."""
        try:
            await world.primary.sql(self.do(), timeout_s=DDL_S)
        except SqlError as error:
            return str(error)
        return ""

    async def heal(self, world: "World") -> str | None:
        if self.task is None:
            return None
        failed = await self.task
        if self.take_back():
            await undo(world, self.take_back())
        return f"the statement failed: {failed}" if failed else None


@register
class AddColumn(Statement):
    """A column is added to the table, with or without a default, and dropped."""
    kind, group, lasts = "add_column", "database", (1.0, 6.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"column": rng.choice(("chaos_a int", "chaos_a text DEFAULT 'none'", "chaos_a text NOT NULL DEFAULT ''",
                                      "chaos_a timestamptz DEFAULT clock_timestamp()"))}

    def do(self) -> str:
        return f"ALTER TABLE orders ADD COLUMN IF NOT EXISTS {self.params['column']}"

    def take_back(self) -> str:
        return "ALTER TABLE orders DROP COLUMN IF EXISTS chaos_a"


@register
class AddIndex(Statement):
    """An index is made and dropped, concurrently or not."""
    kind, group, lasts = "add_index", "database", (1.0, 6.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"how": rng.choice(("CONCURRENTLY", "CONCURRENTLY", ""))}

    def do(self) -> str:
        return f"CREATE INDEX {self.params['how']} IF NOT EXISTS chaos_received ON orders (received_at)"

    def take_back(self) -> str:
        return f"DROP INDEX {self.params['how']} IF EXISTS chaos_received"


@register
class AlterSet(Statement):
    """Settings of the table or of a column are changed and changed back: plans are made anew."""
    kind, group, lasts = "alter_set", "database", (0.5, 4.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"what": rng.choice(("fillfactor", "statistics", "comment"))}

    def do(self) -> str:
        return {"fillfactor": "ALTER TABLE orders SET (fillfactor = 70)",
                "statistics": "ALTER TABLE orders ALTER COLUMN symbol SET STATISTICS 500; ANALYZE orders",
                "comment": "COMMENT ON COLUMN orders.symbol IS 'what is traded'"}[self.params["what"]]

    def take_back(self) -> str:
        return {"fillfactor": "ALTER TABLE orders RESET (fillfactor)",
                "statistics": "ALTER TABLE orders ALTER COLUMN symbol SET STATISTICS -1",
                "comment": "COMMENT ON COLUMN orders.symbol IS NULL"}[self.params["what"]]


@register
class VacuumFull(Statement):
    """The table is rewritten: VACUUM FULL, or CLUSTER by its key."""
    kind, group, lasts = "vacuum_full", "database", (0.5, 3.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"sql": rng.choice(("VACUUM FULL orders", "VACUUM FULL orders", "CLUSTER orders USING orders_pkey"))}

    def do(self) -> str:
        return self.params["sql"]


@register
class Reindex(Statement):
    """The indexes of the table are made anew, concurrently or not."""
    kind, group, lasts = "reindex", "database", (0.5, 4.0)

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"how": rng.choice(("", "CONCURRENTLY "))}

    def do(self) -> str:
        return f"REINDEX TABLE {self.params['how']}orders"

    def take_back(self) -> str:
        """A concurrent REINDEX that was ended leaves an invalid index behind."""
        return """
        SELECT format('DROP INDEX IF EXISTS %s', indexrelid::regclass) FROM pg_index
        WHERE indrelid = 'orders'::regclass AND NOT indisvalid \\gexec"""


# ---- backends ----

class Signals(Fault):
    """A function of PostgreSQL is called with backends of ordersd, again and again."""
    function, felt = "", ""  # felt: by which of the backends
    exempt_rules, because = NOT_IN_TIME, "statements were ended again and again"
    task: "asyncio.Task[None] | None" = None
    hit = 0

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"every_s": round(rng.uniform(0.05, 0.6), 2), "share": rng.choice((0.2, 0.5, 1.0))}

    async def inject(self, world: "World") -> str | None:
        self.task = asyncio.create_task(self.repeat(world))
        return f"{self.function} of {self.params['share']:.0%} of ordersd's backends every {self.params['every_s']:g} s"

    async def repeat(self, world: "World") -> None:
        """On another session when one has failed: another fault may have the primary away for a while."""
        while True:
            with contextlib.suppress(SqlError, ValueError, OSError):
                await self.through(await world.primary.session())
            await asyncio.sleep(self.params["every_s"])

    async def through(self, session: Session) -> None:
        some = f"FROM pg_stat_activity WHERE {OURS} AND random() < {self.params['share']}"
        statement = (f"SELECT count(*) FROM (SELECT {self.function}(pid) AS done, state {some} OFFSET 0) AS hit "
                     f"WHERE done AND {self.felt}")
        try:
            while True:
                await asyncio.sleep(self.params["every_s"])
                self.hit += int(await session.run(statement))
        finally:
            await session.close()

    async def heal(self, world: "World") -> str | None:
        if self.task:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
        return None if self.hit else "no backend of ordersd was hit"


@register
class CancelBackends(Signals):
    """Statements of ordersd are cancelled (pg_cancel_backend)."""
    kind, group, lasts, function = "cancel_backends", "database", (2.0, 8.0), "pg_cancel_backend"
    felt = "state <> 'idle'"


@register
class TerminateBackends(Signals):
    """Sessions of ordersd are ended (pg_terminate_backend)."""
    kind, group, lasts, function = "terminate_backends", "database", (2.0, 8.0), "pg_terminate_backend"
    exempt_rules = NOT_STORED  # the health check loses its session too
    felt = "true"
