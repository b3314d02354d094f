package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const insertOne = `INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price,
stop_price, time_in_force, metadata, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8::text::numeric, $9::text::numeric, $10, NULL, $11)
ON CONFLICT (account_id, client_order_id) DO NOTHING RETURNING order_id`

const selectOne = `SELECT order_id, symbol, side, type, quantity::text, limit_price::text, stop_price::text, time_in_force,
received_at FROM orders WHERE account_id = $1 AND client_order_id = $2`

type single struct{ pool *pgxpool.Pool }

func newSingle(ctx context.Context, conns int) *single {
	return &single{connect(ctx, conns, nil)} // pgx prepares each statement at its first use
}

func (s *single) write(ctx context.Context, o *order) (int, *order) {
	var id [16]byte
	err := s.pool.QueryRow(ctx, insertOne, o.AccountID, o.ClientOrderID, o.id, o.Symbol, o.Side, o.Type, o.Quantity,
		o.LimitPrice, o.StopPrice, o.TimeInForce, o.received).Scan(&id)
	switch {
	case err == nil:
		return 201, nil
	case errors.Is(err, pgx.ErrNoRows):
		return replay(ctx, s.pool, o)
	}
	return 503, nil
}

// replay finds the order that is stored under the key of `o`.
func replay(ctx context.Context, pool *pgxpool.Pool, o *order) (int, *order) {
	found := order{AccountID: o.AccountID, ClientOrderID: o.ClientOrderID}
	err := pool.QueryRow(ctx, selectOne, o.AccountID, o.ClientOrderID).Scan(&found.id, &found.Symbol, &found.Side,
		&found.Type, &found.Quantity, &found.LimitPrice, &found.StopPrice, &found.TimeInForce, &found.received)
	if err != nil {
		return 503, nil
	}
	if !found.same(o) {
		return 422, nil
	}
	return 200, &found
}
