// samples.js - keeps the samples that the page has received. After a restart of the service, the page still has the
// earlier samples, which the service has lost.
const KEPT_MS = 11 * 60 * 1000;
const SLACK_MS = 1500; // a sample that comes no later than this leaves no gap

export class Samples {
  constructor() {
    this.columns = [];
    this.rows = []; // objects by the names of the columns, oldest first
  }

  clear() { this.rows = []; }

  get newest() { return this.rows.at(-1); }

  add({ columns, rows }) {
    for (const row of rows) {
      const sample = Object.fromEntries(columns.map((name, i) => [name, row[i]]));
      if (!this.newest || sample.at_ms > this.newest.at_ms) this.rows.push(sample);
    }
    const oldest = (this.newest?.at_ms ?? 0) - KEPT_MS;
    const first = this.rows.findIndex((row) => row.at_ms >= oldest);
    if (first > 0) this.rows.splice(0, first);
  }

  // Returns the stretches [from, to], in ms, in which `is` is true for every sample.
  stretches(is) {
    const found = [];
    for (const row of this.rows) {
      if (!is(row)) continue;
      const from = row.at_ms - row.interval_ms, last = found.at(-1);
      if (last && from - last[1] < SLACK_MS) last[1] = row.at_ms;
      else found.push([from, row.at_ms]);
    }
    return found;
  }

  // Returns the stretches without samples, from the first sample to now.
  gaps(now) {
    const found = [];
    let end = null;
    for (const row of this.rows) {
      if (end !== null && row.at_ms - row.interval_ms - end > SLACK_MS) found.push([end, row.at_ms - row.interval_ms]);
      end = row.at_ms;
    }
    if (end !== null && now - end > 2 * SLACK_MS) found.push([end, now]);
    return found;
  }

  // Returns when the present outage began. `atStart` is true if the service was never ready in the samples kept.
  outage() {
    const last = this.stretches((row) => row.ready === 0).at(-1);
    if (!last || last[1] !== this.newest.at_ms) return null;
    return { since: last[0], atStart: this.rows.every((row) => row.ready === 0) };
  }
}
