-- The orders. What is checked here is checked again for every order: length() and IN are cheap,
-- regular expressions are not, and the service has validated the content before.
-- The key carries account_id so that the table can be sharded by account; order_id is unique by
-- construction, which no constraint that lacks the sharding column could say.
CREATE TABLE orders (
    account_id      text COLLATE "C" NOT NULL CHECK (length(account_id) BETWEEN 1 AND 64),
    client_order_id text COLLATE "C" NOT NULL CHECK (length(client_order_id) BETWEEN 1 AND 64),
    order_id        uuid NOT NULL,
    symbol          text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    side            text NOT NULL CHECK (side IN ('buy', 'sell')),
    type            text NOT NULL CHECK (type IN ('market', 'limit', 'stop', 'stop_limit')),
    quantity        numeric(36,18) NOT NULL CHECK (quantity > 0),
    limit_price     numeric(36,18) CHECK (limit_price > 0),
    stop_price      numeric(36,18) CHECK (stop_price > 0),
    time_in_force   text NOT NULL CHECK (time_in_force IN ('day', 'gtc', 'ioc', 'fok')),
    metadata        jsonb,
    received_at     timestamptz NOT NULL,
    PRIMARY KEY (account_id, client_order_id),
    CHECK ((limit_price IS NOT NULL) = (type IN ('limit', 'stop_limit'))),
    CHECK ((stop_price IS NOT NULL) = (type IN ('stop', 'stop_limit')))
);

CREATE INDEX orders_order_id ON orders (order_id);
