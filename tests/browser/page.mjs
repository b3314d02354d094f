// page.mjs ORDERSD CHROMIUM SOCKETS FOLDER - the page for people as a person sees it: that it loads, goes on, tells an
// outage and silence from a service that is well, recovers, and asks nobody but the service. Run by ./run, whom it tells
// to stop and start the database.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Chromium } from './chromium.mjs';
import { Service } from './service.mjs';

const [program, chromium, sockets, folder] = process.argv.slice(2);
const pictures = process.env.SCREENSHOTS;
const SOON_MS = 30000; // only a broken page makes us wait so long
const WIDTHS = { light: [1280, 'light'], dark: [1280, 'dark'], phone: [390, 'light'] };

let failures = 0;
function expect(good, words) {
  console.error(`${good ? 'ok  ' : 'FAIL'} ${words}`);
  failures += good ? 0 : 1;
}

// ---- the database, by ./run ----

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function database(wish) {
  process.stdout.write(`${wish}\n`);
  await answers.next();
}

// ---- what the browser says ----

const complaints = new Set(), strangers = new Set(); // a fault of each second is one
let serviceIsGone = false; // then a browser notes each request that fails

function overhear(browser, service) {
  browser.onEvent((method, params) => {
    if (method === 'Runtime.exceptionThrown') complaints.add(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) complaints.add(params.args.map((arg) => arg.value).join(' '));
    if (method === 'Log.entryAdded' && params.entry.level === 'error' && !(serviceIsGone && params.entry.source === 'network')) complaints.add(params.entry.text);
    if (method === 'Network.requestWillBeSent' && new URL(params.request.url).origin !== service.address) strangers.add(params.request.url);
  });
}

async function until(browser, expression, words) {
  const end = Date.now() + SOON_MS;
  let met = false;
  while (!(met = await browser.value(expression)) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(met, words);
  if (!met) console.error(await browser.value('document.body.innerText'));
}

const shows = (selector, text) => `(document.querySelector(${JSON.stringify(selector)})?.innerText ?? '').includes(${JSON.stringify(text)})`;
const banner = (kind) => `document.getElementById('banner').className === '${kind}'`;
const INK = `[...document.querySelectorAll('.plot canvas')].filter((c) => c.width > 0 && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)).length`;
const TILE = (n) => `document.querySelectorAll('.tile .value')[${n}].innerText`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function photograph(browser, moment) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  for (const [name, [width, scheme]] of Object.entries(WIDTHS)) {
    await browser.look(width, 900, scheme);
    await sleep(1500); // a second's figures at this width
    const height = await browser.value('document.documentElement.scrollHeight');
    await browser.look(width, height, scheme);
    await sleep(300);
    await browser.picture(join(pictures, `${moment}-${name}.png`));
  }
  await browser.look(1280, 900, 'light');
}

// ---- the checks, one after the other ----

async function loads(browser, service) {
  await browser.send('Page.navigate', { url: `${service.address}/` });
  await until(browser, `document.readyState === 'complete' && (${banner('warn')} || ${banner('pass')})`, 'it loads and says that the service is ready');
  await until(browser, `${INK} >= 6`, 'six plots are drawn');
  expect(await browser.value('document.title') === `ordersd 127.0.0.1:${service.port}`, 'its title names the service');
  expect(await browser.value(shows('#no-errors', 'None since its start at')), 'no error is shown where there is none');
}

async function updates(browser, service) {
  const stop = service.load(8, pictures ? 0 : 5);
  await until(browser, `parseFloat(${TILE(0)}) > 0`, 'orders a second are shown once there are some');
  await until(browser, `/^[0-9.,]+ m?s$/.test(${TILE(1)})`, 'and their latency, with its unit');
  const before = await browser.value(shows('#about', ', up ') && `document.getElementById('about').innerText`);
  await until(browser, `document.getElementById('about').innerText !== ${JSON.stringify(before)}`, 'it goes on by itself');
  if (pictures) await sleep(45000);
  await photograph(browser, 'load');
  return stop;
}

async function tellsAnOutage(browser) {
  await database('stop');
  await until(browser, `${banner('fail')} && ${shows('#verdict', 'NOT READY since ')} && ${shows('#why', 'database')}`, 'an outage of the database is shown as one, with the reason');
  await until(browser, shows('#errors', 'pool.dial_failed'), 'and among the last errors');
  expect(await browser.value(`document.title.startsWith('NOT READY')`), 'the title says so too');
  expect(await browser.value(`document.getElementById('icon').href.endsWith('icon-out.svg')`), 'and the icon');
  await until(browser, `document.querySelector('.tile:last-child').innerText.includes('failed')`, 'the health check is shown as failed');
  if (pictures) await sleep(12000);
  await photograph(browser, 'outage');
  await database('start');
  await until(browser, `${banner('warn')} || ${banner('pass')}`, 'it says that the service has recovered');
}

async function tellsSilence(browser, service) {
  serviceIsGone = true;
  await service.kill();
  await until(browser, `${banner('silent')} && /NO ANSWER since \\d\\d:\\d\\d:\\d\\d/.test(document.getElementById('verdict').innerText)`, 'a service that is gone is said to be silent');
  expect(await browser.value(`document.body.classList.contains('stale') && document.title.startsWith('NO ANSWER')`), 'what it had said is marked as stale');
  await photograph(browser, 'silence');
  const again = await Service.open(program, sockets, String(service.port));
  await until(browser, `(${banner('warn')} || ${banner('pass')}) && !document.body.classList.contains('stale')`, 'a service that is back is shown as back');
  serviceIsGone = false;
  return again;
}

async function fits(browser, width, scheme) {
  await browser.look(width, 844, scheme);
  await until(browser, `innerWidth === ${width} && matchMedia('(prefers-color-scheme: ${scheme})').matches`, `${width} px wide, ${scheme}`);
  const overflow = await browser.value(`[...document.querySelectorAll('body *')].filter((e) => e.getClientRects().length > 0 && !e.closest('.canvas, pre, thead') && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80))`);
  expect(await browser.value('document.documentElement.scrollWidth <= innerWidth') && overflow.length === 0, `nothing sticks out ${overflow.join(' ')}`);
  const touching = await browser.value(TOUCHING);
  expect(touching.length === 0, `labels of the time axis do not touch ${touching.join(' ')}`);
  const pale = await browser.value(PALE);
  expect(pale.length === 0, `text has the contrast of WCAG AA ${pale.join('; ')}`);
}

// Neighbours on one line that are nearer than a space.
const TOUCHING = `[...document.querySelectorAll('.canvas')].flatMap((canvas) => {
  const boxes = [...canvas.querySelectorAll('.dygraph-axis-label-x')].filter((e) => e.innerText !== '').map((e) => {
    const range = document.createRange(); range.selectNodeContents(e); return [range.getBoundingClientRect(), e.innerText]; })
    .sort((a, b) => a[0].left - b[0].left);
  return boxes.slice(1).flatMap(([box, text], i) => (box.left - boxes[i][0].right < 4 ? [boxes[i][1] + '|' + text] : [])); })`;

// Text whose colour is too near to what is behind it.
const PALE = `(() => {
  const rgba = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('body *')].filter((e) => e.getClientRects().length > 0 && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== ''))
    .map((e) => { const a = light(rgba(getComputedStyle(e).color)), b = light(behind(e)); return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e]; })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, e]) => ratio.toFixed(1) + ' ' + e.tagName + '.' + e.className + ' ' + e.innerText.slice(0, 20)); })()`;

async function run(browser, service) {
  await browser.openTab();
  overhear(browser, service);
  await browser.look(1280, 900, 'light');
  await loads(browser, service);
  if (pictures) await sleep(20000);
  await photograph(browser, 'rest');
  const stopLoad = await updates(browser, service);
  await tellsAnOutage(browser);
  await fits(browser, 390, 'light');
  await fits(browser, 390, 'dark');
  await fits(browser, 1280, 'dark');
  await stopLoad();
  const again = await tellsSilence(browser, service);
  expect(await again.stop() === 0, 'the service ends with 0');
  expect(complaints.size === 0, `the console is silent ${[...complaints].join('; ')}`);
  expect(strangers.size === 0, `nobody else is asked ${[...strangers].join(' ')}`);
}

const service = await Service.open(program, sockets);
const browser = await Chromium.open(chromium, folder);
try {
  await run(browser, service);
} catch (error) {
  expect(false, error.stack);
} finally {
  await browser.close();
  service.child.kill('SIGKILL');
}
process.exit(failures === 0 ? 0 : 1);
