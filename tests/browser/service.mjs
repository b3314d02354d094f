// service.mjs - ordersd on a free port, as a child; orders for it; and the door that the browser comes through, which
// stays where it is while services come and go behind it.
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, createServer } from 'node:net';

const SETTINGS = { HTTP_PORT: '0', LOG_FORMAT: 'json', DATABASE_MIN_POOL_SIZE: '4', DATABASE_MAX_POOL_SIZE: '20', DATABASE_HEALTH_CHECK_INTERVAL: '10s',
  DATABASE_HEALTH_CHECK_TIMEOUT: '10s', DATABASE_INITIAL_RETRY_DELAY: '50ms', DATABASE_MAX_RETRY_DELAY: '500ms', ORDERS_COMMIT_TIMEOUT: '3s' };

// The settings of a service that shows its figures to this key only.
export function guarded(program, path, key) {
  writeFileSync(path, `browser ${execFileSync(program, ['hash-key'], { input: key, encoding: 'utf8' })}`, { mode: 0o600 });
  return { AUTH: 'keys', API_KEYS_FILE: path, AUTH_METRICS: 'true' };
}

export class Service {
  static all = [];

  static open(program, sockets, settings = {}) {
    const service = new Service();
    Service.all.push(service);
    const env = { PATH: process.env.PATH, ...SETTINGS, DATABASE_URL: `host=${sockets} user=postgres dbname=postgres`, ...settings };
    service.child = spawn(program, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    service.ended = new Promise((resolve) => service.child.once('exit', resolve));
    service.log = '';
    return new Promise((resolve, reject) => {
      service.ended.then(() => reject(new Error(`ordersd has ended: ${service.log}`)));
      service.child.stderr.on('data', (text) => {
        service.log += text;
        const listening = /"event":"service.listening".*"port":(\d+)/.exec(service.log);
        if (listening) { service.port = Number(listening[1]); resolve(service); }
      });
    });
  }

  get address() { return `http://127.0.0.1:${this.port}`; }

  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  // Its exit status.
  async stop() {
    this.child.kill('SIGTERM');
    return this.ended;
  }

  // The status of the answer; 0: there was none.
  post(id, agent, symbol = 'ACME') {
    const body = JSON.stringify({ account_id: 'browser', client_order_id: id, symbol, side: 'buy', type: 'market', quantity: '1' });
    return new Promise((resolve) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
      const asked = request(`${this.address}/v1/orders`, { method: 'POST', agent, headers },
        (answer) => { answer.resume(); answer.on('end', () => resolve(answer.statusCode)); });
      asked.on('error', () => resolve(0));
      asked.end(body);
    });
  }

  // Orders without an end, from so many clients, until the function that it returns is called.
  load(clients, pauseMs = 0) {
    const agent = new Agent({ keepAlive: true });
    let stopped = false, n = 0;
    const client = async () => {
      while (!stopped) {
        n++;
        const status = await this.post(`load-${process.hrtime.bigint()}`, agent, n % 40 === 0 ? 'no symbol' : 'ACME');
        if (pauseMs > 0 || status !== 201) await new Promise((resolve) => setTimeout(resolve, pauseMs || 20));
      }
    };
    const all = Promise.all(Array.from({ length: clients }, client));
    return async () => { stopped = true; await all; agent.destroy(); };
  }
}

// Hands connections on to the service of now; without one it hangs up on them.
export class Door {
  static async open() {
    const door = new Door();
    door.service = null;
    door.server = createServer((inner) => door.handOn(inner));
    await new Promise((resolve) => door.server.listen(0, '127.0.0.1', resolve));
    door.host = `127.0.0.1:${door.server.address().port}`;
    return door;
  }

  handOn(inner) {
    inner.on('error', () => {});
    if (!this.service) return inner.destroy();
    const outer = connect(this.service.port, '127.0.0.1');
    outer.on('error', () => inner.destroy());
    inner.on('close', () => outer.destroy());
    outer.on('close', () => inner.destroy());
    return inner.pipe(outer).pipe(inner);
  }
}
