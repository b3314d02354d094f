"""What the database refuses: a right is missing, it takes no writes, the table is away, and two refusals that are
easily taken for something else: a limit of the server that looks like a fault of the order, and a commit that fails
although the INSERT has succeeded. Triggers play the database's part in these two."""
import random
from typing import TYPE_CHECKING, Any

from chaos.faults import NOT_IN_TIME, NOT_SERVED, NOT_STORED, register
from chaos.faults.database import OURS, OfTable, undo
from chaos.sql import SqlError

if TYPE_CHECKING:
    from chaos.world import World


class Refusal(OfTable):
    """SQL that makes the database refuse orders, and SQL that takes it back."""
    sql, back = "", ""
    exempt_rules, because = NOT_STORED, "the database refused orders"

    async def inject(self, world: "World") -> str | None:
        try:
            await world.primary.sql(self.sql)
        except SqlError as error:
            return self.not_now(str(error))
        return self.sql

    async def heal(self, world: "World") -> None:
        await undo(world, self.back)


@register
class Revoke(Refusal):
    """A right is missing: INSERT or SELECT is revoked from the service's role, and granted again."""
    kind, group, lasts = "revoke", "database", (1.0, 6.0)
    exempt_rules = NOT_SERVED
    back = "GRANT SELECT, INSERT ON orders TO ordersd_app"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"right": rng.choice(("INSERT", "SELECT", "SELECT, INSERT"))}

    async def inject(self, world: "World") -> str | None:
        self.sql = f"REVOKE {self.params['right']} ON orders FROM ordersd_app"
        return await super().inject(world)


@register
class ReadOnly(Refusal):
    """The database takes no writes (default_transaction_read_only), for new sessions or for all."""
    kind, group, lasts = "read_only", "database", (1.0, 6.0)
    back = "ALTER DATABASE ordersd RESET default_transaction_read_only"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        return {"terminate": rng.random() < 0.7}

    async def inject(self, world: "World") -> str | None:
        self.sql = "ALTER DATABASE ordersd SET default_transaction_read_only = on"
        if self.params["terminate"]:
            self.sql += f"; SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {OURS}"
        return await super().inject(world)


@register
class MissingTable(Refusal):
    """The table is renamed away, and back."""
    kind, group, lasts = "missing_table", "database", (1.0, 6.0)
    exempt_rules = NOT_SERVED
    sql = "ALTER TABLE orders RENAME TO orders_away"
    back = "ALTER TABLE IF EXISTS orders_away RENAME TO orders"


# ---- by a trigger ----

FUNCTION = """
CREATE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF random() < {share} THEN RAISE EXCEPTION 'refused by chaos' USING ERRCODE = '{sqlstate}'; END IF;
  RETURN new;
END $$;"""


class ByTrigger(Refusal):
    """A trigger of the table raises an error."""
    timing, sqlstate = "", ""
    shares: tuple[float, ...] = (1.0,)  # of the orders
    back = "DROP TRIGGER IF EXISTS chaos_refuse ON orders; DROP FUNCTION IF EXISTS chaos_refuse()"

    def draw(self, rng: random.Random) -> dict[str, Any]:
        share = rng.choice(self.shares)
        self.sql = (FUNCTION.format(share=share, sqlstate=self.sqlstate)
                    + f"CREATE {self.timing} FOR EACH ROW EXECUTE FUNCTION chaos_refuse()")
        return {"sqlstate": self.sqlstate, "share": share}

    async def inject(self, world: Any) -> str | None:
        done = await super().inject(world)
        return done and f"a trigger raises {self.sqlstate} for {self.params['share']:.0%} of the orders"


@register
class ServerLimit(ByTrigger):
    """A limit of the server is reached (SQLSTATE 54000), as when transaction ids are used up: nothing can be stored."""
    kind, group, lasts = "server_limit", "database", (1.0, 5.0)
    exempt_rules = NOT_SERVED
    timing, sqlstate = "TRIGGER chaos_refuse BEFORE INSERT ON orders", "54000"


@register
class RefusedCommit(ByTrigger):
    """The INSERT succeeds and the commit behind it fails (40001), for a part of the orders."""
    kind, group, lasts = "refused_commit", "database", (1.0, 5.0)
    exempt_rules = NOT_IN_TIME
    timing = "CONSTRAINT TRIGGER chaos_refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"
    sqlstate, shares = "40001", (0.02, 0.1, 0.3)
