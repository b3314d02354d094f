"""The rules find what is wrong on Citus, and nothing in what was run there with the right result."""
import unittest

from portable.log import Entry
from portable.rules import faults

GOOD_INSERT = ("INSERT INTO orders (account_id, client_order_id) SELECT n.a, n.c FROM unnest($1::text[], $2::text[]) AS n(a, c) "
               "ON CONFLICT (account_id, client_order_id) DO NOTHING RETURNING order_id")
WRONG = {
    "SET plan_cache_mode = force_generic_plan": "generic plan",
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', false)": "generic plan",
    "COPY orders (account_id) FROM STDIN": "COPY",
    f"WITH ins AS ({GOOD_INSERT}) SELECT * FROM ins UNION ALL SELECT order_id FROM orders": "CTE",
    "INSERT INTO orders VALUES (1) ON CONFLICT (account_id, client_order_id) DO UPDATE SET side = orders.side RETURNING 1": "xmax",
    "INSERT INTO orders VALUES (1) ON CONFLICT DO NOTHING": "command tag",
    "INSERT INTO orders VALUES (1) RETURNING order_id": "ON CONFLICT",
    "SELECT 1; INSERT INTO public.orders VALUES (1) ON CONFLICT DO NOTHING; ROLLBACK": "command tag",
    "CREATE UNIQUE INDEX i ON orders (order_id)": "distribution column",
    "CREATE TABLE orders (a text, order_id uuid UNIQUE)": "distribution column",
    "ALTER TABLE orders ADD CONSTRAINT c UNIQUE (order_id)": "distribution column",
    "BEGIN ISOLATION LEVEL REPEATABLE READ": "40001",
    "SELECT set_config('default_transaction_isolation', 'serializable', false)": "40001",
    "SELECT k.place FROM unnest($1) k LEFT JOIN orders o ON true": "outer join",
    "DELETE FROM orders WHERE ctid = ANY ($1)": "ctid",
    "SELECT * FROM orders_p0": "other names",
}
RIGHT = [
    GOOD_INSERT, "BEGIN ISOLATION LEVEL READ COMMITTED", "COMMIT", "SELECT set_config('plan_cache_mode', 'auto', false)",
    "CREATE TABLE orders (account_id text, c text, PRIMARY KEY (account_id, c))", "CREATE INDEX orders_order_id ON orders (order_id)",
    "CREATE TABLE orders_p1 PARTITION OF orders FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    "INSERT INTO ordersd_migrations (version, name) VALUES (1, 'orders')", f"EXPLAIN {GOOD_INSERT}",
    "SELECT o.symbol FROM unnest($1, $2) k JOIN orders o ON o.account_id = ANY (ARRAY[k.a])",
]


def execute(sql: str, transaction: str) -> Entry:
    return Entry(sql, "<unnamed>", transaction)


class Rules(unittest.TestCase):
    def test_each_statement_that_is_wrong(self) -> None:
        for sql, why in WRONG.items():
            found = faults([execute(sql, "1/1")])
            self.assertTrue(any(why in text for text in found), f"{sql}: {found}")

    def test_each_statement_that_is_right(self) -> None:
        for sql in RIGHT:
            self.assertEqual(faults([execute(sql, "1/1")]), [], sql)

    def test_a_write_in_a_pipeline_without_begin(self) -> None:
        alone, beside = execute(GOOD_INSERT, "1/7"), execute("SELECT 1", "1/7")
        self.assertIn("pipeline", faults([alone, beside])[0])
        self.assertEqual(faults([alone, execute("SELECT 1", "1/8")]), [])
        self.assertEqual(faults([execute("BEGIN", "1/7"), alone, beside]), [])


if __name__ == "__main__":
    unittest.main()
