-- The migration of the next release, for tests of upgrades: what a real one may do to a table under load, one change
-- that locks the table for a moment, and one that keeps writers waiting while it builds.
ALTER TABLE orders ADD COLUMN desk text CHECK (length(desk) BETWEEN 1 AND 32);

CREATE INDEX orders_received_at ON orders (received_at);
