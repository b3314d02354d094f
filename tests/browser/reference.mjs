// reference.mjs CHROMIUM TOOLS PAGE FOLDER - the rendered API reference as a person sees it: it shows every operation of
// api/openapi.yaml, its search finds one, the console is silent, and nothing is asked for but the file itself.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Chromium } from './chromium.mjs';

const [chromium, tools, page, folder] = process.argv.slice(2);
const SOON_MS = 60000; // only a broken page makes us wait so long
const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const { parse } = createRequire(join(tools, 'package.json'))('yaml');
const contract = parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../api/openapi.yaml'), 'utf8'));

let failures = 0;
function expect(good, words) {
  console.error(`${good ? 'ok  ' : 'FAIL'} ${words}`);
  failures += good ? 0 : 1;
}

const operations = Object.entries(contract.paths).flatMap(([path, item]) => METHODS.filter((method) => method in item)
  .map((method) => ({ id: item[method].operationId, shown: `${method.toUpperCase()} ${path}`, summary: item[method].summary })));

const complaints = new Set(), strangers = new Set();
function overhear(browser, url) {
  browser.onEvent((method, params) => {
    const { exceptionDetails, entry, type, args, request } = params;
    if (method === 'Runtime.exceptionThrown') complaints.add(exceptionDetails.exception?.description ?? exceptionDetails.text);
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(type)) complaints.add(args.map((arg) => arg.value).join(' '));
    if (method === 'Log.entryAdded' && ['error', 'warning'].includes(entry.level)) complaints.add(entry.text);
    if (method === 'Network.requestWillBeSent' && request.url !== url && !/^(data|blob):/.test(request.url)) strangers.add(request.url);
  });
}

async function until(browser, expression, words) {
  const end = Date.now() + SOON_MS;
  let met = false;
  while (!(met = await browser.value(expression)) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(met, words);
}

// "POST /v1/orders" of the section of an operation.
const SHOWN = (id) => `(() => {
  const section = document.querySelector('[data-section-id$="operation/${id}"]');
  const button = [...(section?.querySelectorAll('button') ?? [])].find((e) => / \\/|\\n\\//.test(e.innerText));
  return (button?.innerText ?? '').split(/\\s+/).slice(0, 2).join(' ').replace(/^[a-z]+/, (verb) => verb.toUpperCase()); })()`;

const SEARCH = (word) => `(() => {
  const input = document.querySelector('[role=search] input');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, ${JSON.stringify(word)});
  input.dispatchEvent(new Event('input', { bubbles: true })); })()`;

async function run(browser, url) {
  await browser.openTab();
  overhear(browser, url);
  await browser.look(1280, 900, 'light');
  await browser.send('Page.navigate', { url });
  await until(browser, `document.readyState === 'complete' && document.querySelector('[data-section-id]') !== null`, 'it is drawn');
  expect(await browser.value('document.title') === `${contract.info.title} ${contract.info.version}: API reference`, 'its title names the service and the version');
  for (const { id, shown } of operations) {
    const seen = await browser.value(SHOWN(id));
    expect(seen === shown, `${shown} is shown${seen === shown ? '' : `, not "${seen}"`}`);
  }
  await browser.value(SEARCH('many'));
  const { summary } = operations.find(({ id }) => id === 'postBatch');
  await until(browser, `(document.querySelector('[data-role="search:results"]')?.innerText ?? '').includes(${JSON.stringify(summary)})`, 'its search finds an operation');
  expect(complaints.size === 0, `the console is silent ${[...complaints].join('; ')}`);
  expect(strangers.size === 0, `nobody is asked ${[...strangers].join(' ')}`);
}

expect(operations.length > 5, `${operations.length} operations`);
const browser = await Chromium.open(chromium, folder);
try {
  await run(browser, pathToFileURL(page).href);
} catch (error) {
  expect(false, error.stack);
} finally {
  await browser.close();
}
process.exit(failures === 0 ? 0 : 1);
