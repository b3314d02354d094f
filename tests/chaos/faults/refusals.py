"""Refusals of the database that are easily taken for something else: a limit of the server that looks like a fault of the
order, and a commit that fails although the INSERT has succeeded. Triggers play the database's part."""
import random
from typing import Any

from chaos.faults import NOT_SERVED, register
from chaos.faults.database import Refusal

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
    """A limit of the server is reached (SQLSTATE 54000), as when transaction ids are used up: no order can be stored."""
    kind, group, lasts = "server_limit", "database", (1.0, 5.0)
    excuses = NOT_SERVED
    timing, sqlstate = "TRIGGER chaos_refuse BEFORE INSERT ON orders", "54000"


@register
class RefusedCommit(ByTrigger):
    """The INSERT succeeds and the commit behind it fails (40001), for a part of the orders."""
    kind, group, lasts = "refused_commit", "database", (1.0, 5.0)
    timing = "CONSTRAINT TRIGGER chaos_refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"
    sqlstate, shares = "40001", (0.02, 0.1, 0.3)
