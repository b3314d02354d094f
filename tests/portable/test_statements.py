"""Every statement that ordersd sends: the run reaches each statement in the sources, and none means something else on
Citus."""
import os
import unittest
from pathlib import Path

from portable.log import Entry
from portable.rules import faults
from portable.run import Run
from portable.sources import as_pattern, in_code, in_migrations, prepared_names

# Statements in the sources that the run does not reach, each with the reason why it need not.
UNREACHED = {
    "SELECT b.pid, CASE b.orphan": "ends sessions that are lost; it reads no table",
    "SELECT pid, extract(epoch FROM backend_start)::text, '', '0', '0', ''": "for servers without the functions of the other form; it reads no table",
    **dict.fromkeys((
        "SELECT count(*) FROM pg_dist_local_group",
        "LOCK TABLE orders IN EXCLUSIVE MODE",
        "SELECT (EXISTS (SELECT FROM orders))::int",
        "SELECT create_distributed_table('orders', 'account_id', ",
        "SELECT create_reference_table('ordersd_migrations')",
        "SELECT current_setting('citus.max_cached_conns_per_worker')",
        "SELECT count(*), count(*) FILTER (WHERE success IS NOT TRUE)",
    ), "sent on Citus alone: test_store_citus.c sends it there"),
}


def is_exempt(sql: str) -> bool:
    return any(sql.startswith(text) for text in UNREACHED)


class Statements(unittest.IsolatedAsyncioTestCase):
    seen: list[Entry] = []

    async def asyncSetUp(self) -> None:
        if not Statements.seen:  # one run for all tests
            Statements.seen = await Run().whole()
            if path := os.environ.get("STATEMENTS"):
                Path(path).write_text("\n".join(sorted({entry.sql for entry in self.seen})) + "\n")

    def unreached(self, statements: dict[str, str]) -> list[str]:
        sent = {entry.sql for entry in self.seen}
        return [f"{file}: {sql}" for sql, file in statements.items()
                if not is_exempt(sql) and not any(as_pattern(sql).search(text) for text in sent)]

    async def test_every_statement_of_the_sources_is_sent(self) -> None:
        found = in_code()
        self.assertGreater(len(found), 25)
        self.assertEqual(self.unreached(found), [])

    async def test_every_statement_of_the_migrations_is_sent(self) -> None:
        found = in_migrations()
        self.assertGreater(len(found), 2)
        self.assertEqual(self.unreached(found), [])

    async def test_every_prepared_statement_is_executed(self) -> None:
        self.assertGreater(len(prepared_names()), 5)
        self.assertLessEqual(prepared_names(), {entry.name for entry in self.seen})

    async def test_every_exemption_is_of_a_statement(self) -> None:
        for text in UNREACHED:
            self.assertTrue(any(sql.startswith(text) for sql in in_code()), text)

    async def test_no_statement_differs_on_citus(self) -> None:
        self.assertEqual(faults(self.seen), [])


if __name__ == "__main__":
    unittest.main()
