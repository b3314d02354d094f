// chromium.mjs - a headless Chromium and one tab of it, by the DevTools protocol over a pipe: no port, no npm package.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions', '--disable-dev-shm-usage', '--hide-scrollbars',
  '--remote-debugging-pipe', 'about:blank'];

export class Chromium {
  static async open(program, folder) {
    const browser = new Chromium();
    mkdirSync(join(folder, 'home'), { recursive: true });
    browser.process = spawn(program, [`--user-data-dir=${join(folder, 'profile')}`, ...FLAGS], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: join(folder, 'home'), TZ: 'UTC' } });
    browser.ended = new Promise((resolve) => browser.process.once('exit', resolve));
    browser.ended.then(() => browser.failAll(new Error('chromium has ended')));
    browser.listen();
    return browser;
  }

  constructor() {
    Object.assign(this, { waiting: new Map(), heard: [], id: 0, session: undefined });
  }

  listen() {
    const chunks = [];
    this.process.stdio[3].on('error', () => {});
    this.process.stdio[4].on('data', (chunk) => {
      let rest = chunk;
      for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) {
        chunks.push(rest.subarray(0, end));
        this.take(JSON.parse(Buffer.concat(chunks.splice(0)).toString()));
      }
      chunks.push(rest);
    });
  }

  take(message) {
    if (!message.id) return this.heard.forEach((listener) => listener(message.method, message.params));
    const { resolve, reject } = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    return message.error ? reject(new Error(`${message.error.message}`)) : resolve(message.result);
  }

  failAll(error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  send(method, params = {}) {
    const id = ++this.id;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    });
  }

  onEvent(listener) { this.heard.push(listener); }

  async openTab() {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    this.session = (await this.send('Target.attachToTarget', { targetId, flatten: true })).sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.send(`${domain}.enable`);
  }

  async look(width, height, scheme) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  }

  // What an expression is, in the tab.
  async value(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  // Of the whole page, or of the rectangle `clip`.
  async picture(path, clip) {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true, clip });
    writeFileSync(path, Buffer.from(data, 'base64'));
  }

  async close() {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
