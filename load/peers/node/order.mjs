// What an order is: the schema of ordersd's contract without metadata and sent_at, its id, and the comparison of replays.
import { randomUUID } from 'node:crypto';

const word = { type: 'string', pattern: '^[A-Za-z0-9._:/-]{1,64}$' };
const decimal = { type: 'string', pattern: '^(?=.*[1-9])(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?$' };

export const body = {
  type: 'object',
  additionalProperties: false,
  required: ['account_id', 'client_order_id', 'symbol', 'side', 'type', 'quantity'],
  properties: {
    account_id: word,
    client_order_id: word,
    symbol: { type: 'string', pattern: '^[A-Z0-9._/-]{1,32}$' },
    side: { enum: ['buy', 'sell'] },
    type: { enum: ['market', 'limit', 'stop', 'stop_limit'] },
    quantity: decimal,
    limit_price: decimal,
    stop_price: decimal,
    time_in_force: { enum: ['day', 'gtc', 'ioc', 'fok'], default: 'day' },
  },
};

// What a schema says slowly: each price belongs to some types.
export const pricesFit = (o) => (o.limit_price !== undefined) === o.type.endsWith('limit')
  && (o.stop_price !== undefined) === o.type.startsWith('stop');

// Adds a UUIDv7 and the time. The random part is that of node's own UUIDv4.
export function complete(given) {
  const now = new Date();
  const ms = now.getTime().toString(16).padStart(12, '0');
  given.order_id = `${ms.slice(0, 8)}-${ms.slice(8)}-7${randomUUID().slice(15)}`;
  given.received_at = now.toISOString();
  return given;
}

const columns = ['symbol', 'side', 'type', 'quantity', 'limit_price', 'stop_price', 'time_in_force'];
const find = {
  name: 'find',
  text: `SELECT order_id, account_id, client_order_id, symbol, side, type, trim_scale(quantity)::text AS quantity,
    trim_scale(limit_price)::text AS limit_price, trim_scale(stop_price)::text AS stop_price, time_in_force,
    to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS received_at
    FROM orders WHERE account_id = $1 AND client_order_id = $2`,
};

export async function stored(pool, given) {
  const found = await pool.query({ ...find, values: [given.account_id, given.client_order_id] });
  return Object.fromEntries(Object.entries(found.rows[0]).filter(([, value]) => value !== null));
}

const plain = (value) => (value === undefined ? '' : value.includes('.') ? value.replace(/\.?0+$/, '') : value);
export const same = (a, b) => columns.every((name) => plain(a[name]) === plain(b[name]));

// No text needs an escape: the schema has seen all of them.
export function answer(o, replayed) {
  const limit = o.limit_price === undefined ? '' : `,"limit_price":"${plain(o.limit_price)}"`;
  const stop = o.stop_price === undefined ? '' : `,"stop_price":"${plain(o.stop_price)}"`;
  return `{"order_id":"${o.order_id}","account_id":"${o.account_id}","client_order_id":"${o.client_order_id}",` +
    `"symbol":"${o.symbol}","side":"${o.side}","type":"${o.type}","quantity":"${plain(o.quantity)}"${limit}${stop},` +
    `"time_in_force":"${o.time_in_force}","received_at":"${o.received_at}","status":"accepted","replayed":${replayed}}`;
}
