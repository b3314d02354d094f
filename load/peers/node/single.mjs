// One INSERT a request.
const insert = {
  name: 'insert',
  text: `INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price, stop_price,
    time_in_force, metadata, received_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, $11)
    ON CONFLICT (account_id, client_order_id) DO NOTHING RETURNING order_id`,
};

export class Single {
  constructor(pool) { this.pool = pool; }

  // True when the order is new and committed.
  async insert(o) {
    const result = await this.pool.query({ ...insert, rowMode: 'array', values: [o.account_id, o.client_order_id,
      o.order_id, o.symbol, o.side, o.type, o.quantity, o.limit_price ?? null, o.stop_price ?? null, o.time_in_force,
      o.received_at] });
    return result.rowCount === 1;
  }
}
