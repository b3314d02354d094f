// Requests are collected; a few writers store what has queued up, and never wait for more.
const columns = ['account_id', 'client_order_id', 'order_id', 'symbol', 'side', 'type', 'quantity', 'limit_price',
  'stop_price', 'time_in_force', 'metadata', 'received_at', 'submitted_by'];

// A PostgreSQL array as text. No value needs quotes: the schema has seen all of them.
function array(group, name) {
  let out = '{';
  for (let i = 0; i < group.length; i++) out += (i > 0 ? ',' : '') + (group[i].order[name] ?? 'NULL');
  return `${out}}`;
}

const key = (o) => `${o.account_id} ${o.client_order_id}`;
const byKey = (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

export class Batched {
  constructor(pool, workers, most, sorted) {
    Object.assign(this, { pool, most, sorted, idle: workers, queue: [] });
  }

  // True when the order is new and committed.
  insert(order) {
    return new Promise((done, failed) => {
      this.queue.push({ order, key: this.sorted ? key(order) : '', done, failed });
      if (this.idle > 0) {
        this.idle--;
        setImmediate(() => this.work());
      }
    });
  }

  async work() {
    while (this.queue.length > 0) {
      const group = this.queue.splice(0, this.most);
      if (this.sorted) group.sort(byKey); // two groups that lock the same keys in different orders would block each other
      try {
        const result = await this.pool.query({ name: 'group', text: process.env.GROUP_INSERT, rowMode: 'array',
          values: columns.map((name) => array(group, name)) });
        const fresh = new Set(result.rows.map((row) => row[0]));
        for (const { order, done } of group) done(fresh.has(order.order_id));
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.idle++;
  }
}
