-- The name of the API key that posted the order. NULL: the service required no keys, or a version
-- before this one has stored the order. There is no CHECK: to add one, PostgreSQL would read the
-- whole table while orders wait, and the file of keys has bounds for a name already.
ALTER TABLE orders ADD COLUMN submitted_by text;
