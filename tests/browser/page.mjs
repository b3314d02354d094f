// page.mjs ORDERSD CHROMIUM SOCKETS FOLDER - the page for people as a person sees it: that it loads, goes on, tells an
// outage and silence from a service that is well, recovers, and asks nobody but the service. Run by ./run, whom it tells
// to stop and start the database.
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Chromium } from './chromium.mjs';
import { PALE, STICKING_OUT, TOUCHING } from './looks.mjs';
import { Door, guarded, Service } from './service.mjs';

const [program, chromium, sockets, folder] = process.argv.slice(2);
const pictures = process.env.SCREENSHOTS;
const SOON_MS = 60000; // only a broken page makes us wait so long
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

function overhear(browser, door) {
  browser.onEvent((method, params) => {
    const { exceptionDetails, entry, type, args } = params;
    if (method === 'Runtime.exceptionThrown') complaints.add(exceptionDetails.exception?.description ?? exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(type)) complaints.add(args.map((arg) => arg.value).join(' '));
    if (method === 'Log.entryAdded' && entry.level === 'error' && !(serviceIsGone && entry.source === 'network')) complaints.add(entry.text);
    if (method === 'Network.requestWillBeSent' && new URL(params.request.url).host !== door.host) strangers.add(params.request.url);
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
const WELL = `(${banner('warn')} || ${banner('pass')})`;
const INK = `[...document.querySelectorAll('.plot canvas')].filter((c) => c.width > 0 &&
  c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)).length`;
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

async function loads(browser, door) {
  await browser.send('Page.navigate', { url: `http://${door.host}/` });
  await until(browser, `document.readyState === 'complete' && ${WELL}`, 'it loads and says that the service is ready');
  await until(browser, `${INK} >= 6`, 'six plots are drawn');
  await until(browser, `document.title === 'ordersd ${door.host}'`, 'its title names the service');
  await until(browser, shows('#no-errors', 'None since the start of the service at'), 'no error is shown where there is none');
  await until(browser, shows('pre', `http://${door.host}/v1/orders`), 'the command to post an order names this host and port');
  await until(browser, shows('#about', `replica ${hostname()} (process `), 'it says which replica it shows');
}

async function updates(browser, service) {
  const stop = service.load(8, pictures ? 0 : 5);
  await until(browser, `parseFloat(${TILE(0)}) > 0`, 'orders a second are shown once there are some');
  await until(browser, `/^[0-9.,]+ m?s$/.test(${TILE(1)})`, 'and their latency, with its unit');
  const before = await browser.value(`document.getElementById('about').innerText`);
  await until(browser, `document.getElementById('about').innerText !== ${JSON.stringify(before)}`, 'it goes on by itself');
  if (pictures) await sleep(45000);
  await photograph(browser, 'load');
  return stop;
}

async function tellsAnOutage(browser) {
  await database('stop');
  await until(browser, `${banner('fail')} && ${shows('#verdict', 'NOT READY since ')} && ${shows('#why', 'database')}`,
    'an outage of the database is shown as one, with the reason');
  await until(browser, shows('#errors', 'pool.dial_failed'), 'and among the last errors');
  await until(browser, `document.title.startsWith('NOT READY') && document.getElementById('icon').href.endsWith('icon-out.svg')`,
    'and by the title and the icon');
  await until(browser, `document.querySelector('.tile:last-child').innerText.includes('failed')`, 'the health check is shown as failed');
  if (pictures) await sleep(12000);
  await photograph(browser, 'outage');
}

async function tellsOfTheEnd(browser) {
  await database('start');
  await until(browser, WELL, 'it says that the service has recovered');
}

async function tellsSilence(browser, door) {
  serviceIsGone = true;
  await door.service.kill();
  door.service = null;
  await until(browser, `${banner('silent')} && /NO ANSWER since \\d\\d:\\d\\d:\\d\\d/.test(document.getElementById('verdict').innerText)`,
    'a service that is gone is said to be silent');
  expect(await browser.value(`document.body.classList.contains('stale') && document.title.startsWith('NO ANSWER')`), 'what it had said is marked as stale');
  await photograph(browser, 'silence');
  door.service = await Service.open(program, sockets);
  await until(browser, `${WELL} && !document.body.classList.contains('stale')`, 'a service that is back is shown as back');
  serviceIsGone = false;
}

async function asksForAKey(browser, door) {
  const key = 'browser-0123456789abcdef';
  serviceIsGone = true; // a refusal is noted too
  expect(await door.service.stop() === 0, 'the service ends with 0');
  door.service = await Service.open(program, sockets, guarded(program, join(folder, 'keys'), key));
  await until(browser, `${banner('denied')} && ${shows('#verdict', 'need a key')} && ${shows('#ask-key', 'Show')}`,
    'where the figures need a key it says so');
  expect(await browser.value(`document.getElementById('figures').hidden`), 'and shows none');
  await browser.value(`document.getElementById('key').value = ${JSON.stringify(key)}, document.querySelector('#ask-key button').click()`);
  await until(browser, WELL, 'with the key it shows them');
}

async function fits(browser, width, scheme) {
  await browser.look(width, 844, scheme);
  await until(browser, `innerWidth === ${width} && matchMedia('(prefers-color-scheme: ${scheme})').matches`, `${width} px wide, ${scheme}`);
  const sticking = await browser.value(STICKING_OUT);
  expect(sticking.length === 0, `nothing sticks out ${sticking.join(' ')}`);
  const touching = await browser.value(TOUCHING);
  expect(touching.length === 0, `labels of the time axis do not touch ${touching.join(' ')}`);
  const pale = await browser.value(PALE);
  expect(pale.length === 0, `text has the contrast of WCAG AA ${pale.join('; ')}`);
}

async function run(browser, door) {
  await browser.openTab();
  overhear(browser, door);
  await browser.look(1280, 900, 'light');
  await loads(browser, door);
  if (pictures) await sleep(20000);
  await photograph(browser, 'rest');
  const stopLoad = await updates(browser, door.service);
  await tellsAnOutage(browser);
  await fits(browser, 390, 'light');
  await fits(browser, 390, 'dark');
  await fits(browser, 1280, 'dark');
  await tellsOfTheEnd(browser);
  await stopLoad();
  await tellsSilence(browser, door);
  await asksForAKey(browser, door);
  expect(complaints.size === 0, `the console is silent ${[...complaints].join('; ')}`);
  expect(strangers.size === 0, `nobody else is asked ${[...strangers].join(' ')}`);
}

const door = await Door.open();
door.service = await Service.open(program, sockets);
const browser = await Chromium.open(chromium, folder);
try {
  await run(browser, door);
} catch (error) {
  expect(false, error.stack);
} finally {
  await browser.close();
  for (const service of Service.all) await service.kill();
}
process.exit(failures === 0 ? 0 : 1);
