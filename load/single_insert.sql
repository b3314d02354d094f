-- single_insert.sql - for pgbench -n -M prepared -D n=0: inserts one order for each transaction into ordersd's table.
-- The keys grow as those of order_load do, so that both write to the same places of the indexes.
\set n :n + 1
INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price,
                    time_in_force, received_at)
VALUES ('acct-' || lpad((:n::bigint % 64)::text, 3, '0'),
        'pgbench-' || :client_id::bigint || '-' || lpad(:n::bigint::text, 12, '0'),
        (lpad(to_hex(:n::bigint), 20, '0') || lpad(to_hex(:client_id::bigint), 12, '0'))::uuid,
        'AAPL', 'buy', 'limit', '100', '187.25', 'day', now())
ON CONFLICT (account_id, client_order_id) DO NOTHING;
