// Posts orders to ordersd until each of them is stored or refused. README.md beside this file has the rules.
//
//     node post_orders.mjs BASE_URL ACCOUNT ORDERS BATCH [SECONDS]
//
// Prints the client_order_id of each stored order. Needs Node 18 and no package.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const REQUEST_MS = 15_000; // longer than ORDERS_COMMIT_TIMEOUT of the service, which is 10 s by default
const PAUSE_MS = 100, PAUSE_MAX_MS = 5_000;
const inDoubt = new Set(); // ids that were sent once without a definite answer

// The ids are made here, once. A real program saves an order with its id before the first attempt.
function makeOrders(account, count) {
  const run = randomUUID();
  return Array.from({ length: count }, (_, n) => ({
    account_id: account,
    client_order_id: `${run}-${n}`,
    symbol: 'ACME',
    side: 'buy',
    type: 'limit',
    quantity: '0.100000000000000005', // a string, because a number would be 0.1
    limit_price: decimal(1250n + BigInt(n)),
  }));
}

const decimal = (cents) => `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`;

// Status 0: no whole answer came. The document is empty if the body is not a JSON object.
async function post(url, document) {
  const headers = { 'Content-Type': 'application/json' };
  if (process.env.ORDERSD_KEY) headers.Authorization = `Bearer ${process.env.ORDERSD_KEY}`;
  const signal = AbortSignal.timeout(REQUEST_MS);
  try {
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(document), signal });
    const body = await answer.text();
    const seconds = answer.headers.get('Retry-After') ?? '';
    return { status: answer.status, waitMs: /^\d+$/.test(seconds) ? 1000 * Number(seconds) : 0, document: parse(body) };
  } catch {
    return { status: 0, waitMs: 0, document: {} };
  }
}

function parse(body) {
  try {
    return Object(JSON.parse(body));
  } catch { // a page of a balancer, for example
    return {};
  }
}

// What an answer says of one order. The defaults are for answers that are not of ordersd, as those of a balancer, and
// for no answer.
function verdictOf(status, problem) {
  const outcome = problem.outcome ?? (status >= 400 && status < 500 ? 'not_accepted' : 'unknown');
  return {
    stored: status === 200 || status === 201,
    repeat: problem.retryable ?? ([0, 207, 408, 429].includes(status) || status >= 500),
    unknown: outcome === 'unknown', // this attempt may have stored the order
    code: problem.code,
    waitMs: problem.retry_after_ms ?? 0,
    why: status === 0 ? 'no answer' : `${status} ${problem.code ?? ''}`.trimEnd(),
  };
}

// The orders of a batch have results of their own, unless the whole request was refused.
function verdictsOf({ status, document }, count) {
  const results = new Map((document.results ?? []).map((result) => [result.index, result]));
  return Array.from({ length: count }, (_, i) => {
    const result = results.get(i);
    return result ? verdictOf(result.status, result.error ?? {}) : verdictOf(status, document);
  });
}

async function print(lines) {
  if (lines.length > 0 && !process.stdout.write(lines.join('\n') + '\n')) await once(process.stdout, 'drain');
}

function giveUp(order, verdict) {
  const id = order.client_order_id;
  console.error(`${inDoubt.has(id) ? 'unknown' : 'not stored'} ${id}: ${verdict.why}`);
  process.exitCode = 1;
}

// Prints the orders that are stored, gives up those that are refused, and returns those that are to be repeated.
async function sort(orders, verdicts) {
  const stored = [], repeat = [];
  for (const [i, order] of orders.entries()) {
    const verdict = verdicts[i], id = order.client_order_id;
    if (verdict.stored) {
      stored.push(id);
      continue;
    }
    if (verdict.unknown) inDoubt.add(id);
    if (verdict.code === 'client_order_id_reused') inDoubt.delete(id); // another order has this id: this one is not stored
    if (verdict.repeat) repeat.push({ order, verdict });
    else giveUp(order, verdict);
  }
  await print(stored);
  return repeat;
}

// Repeats the orders until none is left. Returns false if some are left after `seconds`.
async function send(base, orders, single, seconds) {
  const deadline = performance.now() + 1000 * seconds;
  for (let attempt = 0; ; attempt++) {
    const answer = single ? await post(`${base}/v1/orders`, orders[0]) : await post(`${base}/v1/orders/batch`, orders);
    const repeat = await sort(orders, verdictsOf(answer, orders.length));
    if (repeat.length === 0) return true;
    const waitMs = Math.max(answer.waitMs, ...repeat.map(({ verdict }) => verdict.waitMs))
      + Math.random() * Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** attempt);
    if (performance.now() + waitMs > deadline) {
      for (const { order, verdict } of repeat) giveUp(order, verdict);
      return false;
    }
    console.error(`again: ${repeat.length} orders in ${(waitMs / 1000).toFixed(3)} s: ${repeat[0].verdict.why}`);
    await sleep(waitMs);
    orders = repeat.map(({ order }) => order);
  }
}

async function main(words) {
  if (words.length < 4 || words.length > 5) {
    console.error('usage: post_orders.mjs BASE_URL ACCOUNT ORDERS BATCH [SECONDS]');
    process.exitCode = 2;
    return;
  }
  const base = new URL(words[0]).href.replace(/\/+$/, '');
  const [count, batch, seconds] = [words[2], words[3], words[4] ?? 60].map(Number);
  const orders = makeOrders(words[1], count);
  for (let i = 0; i < count; i += batch)
    if (!await send(base, orders.slice(i, i + batch), batch === 1, seconds)) return;
}

await main(process.argv.slice(2));
