// contract.mjs - api/openapi.yaml as the tests of this folder see it: which response of which operation an
// exchange should have been, and whether it was. The npm packages lie in the folder that CONTRACT_TOOLS names.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
if (!process.env.CONTRACT_TOOLS) throw new Error('CONTRACT_TOOLS names no folder');
export const tool = createRequire(join(process.env.CONTRACT_TOOLS, 'package.json'));
const Ajv = tool('ajv/dist/2020').default;

export const PROBLEM = 'application/problem+json';
const MADE_BY_LIBRARY = new Set([400, 413, 414, 431, 505]); // before the service sees the request
const SAID_ANYWHERE = new Set(['connection', 'content-length', 'content-type', 'date', 'transfer-encoding', 'keep-alive']);

export const document = tool('yaml').parse(readFileSync(join(root, 'api/openapi.yaml'), 'utf8'));

// ---- schemas ----

const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
tool('ajv-formats').default(ajv);
ajv.addSchema(document, 'contract');

const escaped = (part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1');
export const pointerTo = (...parts) => parts.map((part) => '/' + escaped(part)).join('');

function at(pointer) {
  const parts = pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return parts.reduce((node, part) => node?.[part], document);
}

// A list of what is wrong with `value`, as text, by the schema at the pointer.
export function misfits(pointer, value) {
  const judge = ajv.getSchema('contract#' + encodeURI(pointer));
  if (judge(value)) return [];
  return judge.errors.map((e) => `${e.instancePath || 'the document'} ${e.message} ${JSON.stringify(e.params)}`);
}

// ---- operations and responses ----

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const paths = Object.keys(document.paths);

function fits(template, path) {
  const want = template.split('/'), have = path.split('/');
  return want.length === have.length && want.every((part, i) => (part.startsWith('{') ? have[i] !== '' : part === have[i]));
}

// { template, method } of the operation that serves this, or null; a path without a brace part goes before.
export function operationOf(method, target) {
  const path = target.split('?')[0];
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const found = paths.filter((template) => fits(template, path) && document.paths[template][verb]);
  found.sort((a, b) => a.includes('{') - b.includes('{'));
  return found.length > 0 ? { template: found[0], method: verb } : null;
}

// The pointer of a response, followed to where it is written; `where` names it: responses that operations
// share count as one.
function followed(pointer, where) {
  const ref = at(pointer)?.$ref;
  if (!ref) return { pointer, where, response: at(pointer) };
  return { pointer: ref.slice(1), where: ref.split('/').pop(), response: at(ref.slice(1)) };
}

export function responseOf(method, target, status) {
  const operation = operationOf(method, target);
  if (operation) {
    const where = `${operation.method.toUpperCase()} ${operation.template}`;
    const own = followed(pointerTo('paths', operation.template, operation.method, 'responses', status), where);
    if (own.response) return own;
  }
  return followed(pointerTo('x-elsewhere', status), 'elsewhere');
}

export function operations() {
  return paths.flatMap((template) =>
    METHODS.filter((method) => document.paths[template][method]).map((method) => ({ template, method })));
}

// Every response of the document once: { where, status, pointer, response }.
export function responses() {
  const all = new Map();
  const add = (status, found) => all.set(`${found.where} ${status}`, { status: Number(status), ...found });
  for (const { template, method } of operations())
    for (const status of Object.keys(document.paths[template][method].responses))
      add(status, followed(pointerTo('paths', template, method, 'responses', status), `${method.toUpperCase()} ${template}`));
  for (const status of Object.keys(document['x-elsewhere']))
    add(status, followed(pointerTo('x-elsewhere', status), 'elsewhere'));
  return [...all.values()];
}

// What of a response can be told apart: its codes, and the media types that are no problem document.
export function kinds(response) {
  const content = response.content ?? {};
  const types = Object.keys(content);
  if (types.length === 0) return [''];
  return types.flatMap((type) => (type === PROBLEM ? content[type].schema.properties.code.enum : [type]));
}

// ---- exchanges, as tests/support/exchanges.c writes them ----

export function recordsIn(folder) {
  const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort();
  return files.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8').split('\n').filter((line) => line !== '')
      .map((line) => ({ test: name.replace(/\.jsonl$/, ''), ...JSON.parse(line) })));
}

export function headersOf(record) {
  const all = new Map();
  for (const line of record.headers.split('\n').filter((text) => text !== '')) {
    const colon = line.indexOf(':');
    all.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return all;
}

export const typeOf = (headers) => (headers.get('content-type') ?? '').split(';')[0].trim();
export const madeByLibrary = (record, headers) => MADE_BY_LIBRARY.has(record.status) && !headers.has('x-request-id');

// The kind, as kinds() lists them, that this exchange is of.
export function kindOf(record, headers) {
  if (madeByLibrary(record, headers)) return '';
  if (typeOf(headers) !== PROBLEM) return typeOf(headers);
  if (record.method === 'HEAD' || record.body === '') return '';
  return record.body_cut ? /","code":"([a-z0-9_]+)"/.exec(record.body)[1] : JSON.parse(record.body).code;
}

function wrongHeaders(found, headers) {
  const wrong = [];
  const documented = found.response.headers ?? {};
  for (const name of Object.keys(documented)) {
    const ref = documented[name].$ref;
    const pointer = ref ? ref.slice(1) : found.pointer + pointerTo('headers', name);
    const value = headers.get(name.toLowerCase());
    if (value === undefined && at(pointer).required) wrong.push(`the header ${name} is missing`);
    if (value !== undefined) wrong.push(...misfits(pointer + '/schema', value).map((text) => `${name}: ${value}: ${text}`));
  }
  const known = new Set([...SAID_ANYWHERE, ...Object.keys(documented).map((name) => name.toLowerCase())]);
  for (const name of headers.keys()) if (!known.has(name)) wrong.push(`the header ${name} is not documented`);
  return wrong;
}

// What a schema cannot say of a problem document.
function wrongProblem(body, record, headers) {
  const wrong = [];
  const expect = (good, text) => good || wrong.push(text);
  expect(body.type === `urn:ordersd:problem:${body.code}`, `type ${body.type} is not that of code ${body.code}`);
  expect(body.status === record.status, `status ${body.status} is not the answer's`);
  expect(body.instance === `urn:ordersd:request:${headers.get('x-request-id')}`, `instance ${body.instance} is not the request's`);
  expect((body.retry_after_ms === undefined) === !headers.has('retry-after'), 'retry_after_ms and Retry-After go together');
  if (body.retry_after_ms !== undefined)
    expect(Math.ceil(body.retry_after_ms / 1000) === Number(headers.get('retry-after')), 'Retry-After is another time than retry_after_ms');
  return wrong;
}

// What the summary of a batch must say of its results; those that succeeded may be left out, and those that
// were only judged, and are valid, count nowhere.
function wrongSummary({ summary, results }, minimal) {
  const rest = summary.created + summary.replayed + summary.rejected + summary.unknown;
  const wrong = [];
  const valid = results.filter(({ status, order_id }) => status === 200 && order_id === undefined).length;
  if (minimal ? rest > summary.total : rest + valid !== summary.total) wrong.push(`the summary adds up to ${rest}, not ${summary.total}`);
  if (!minimal && results.length !== summary.total) wrong.push(`${results.length} results of ${summary.total} orders`);
  if (results.some((result, i) => i > 0 && result.index <= results[i - 1].index)) wrong.push('the results are out of order');
  return wrong;
}

// The lines of a batch end with a summary; those of a list are orders.
function wrongLines(found, record, minimal) {
  const lines = record.body.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  const schema = found.pointer + pointerTo('content', 'application/x-ndjson', 'schema');
  const wrong = lines.flatMap((line) => misfits(schema, line));
  if (record.method === 'GET') return wrong;
  const { summary } = lines.at(-1) ?? {};
  if (summary === undefined) return [...wrong, 'the last line is no summary'];
  return [...wrong, ...wrongSummary({ summary, results: lines.slice(0, -1) }, minimal)];
}

function wrongBody(found, record, headers) {
  const type = typeOf(headers);
  if (!(type in (found.response.content ?? {}))) return [`the content type ${type || '(none)'} is not documented`];
  if (record.method === 'HEAD') return record.body === '' ? [] : ['an answer to HEAD has a body'];
  if (record.body_cut && type.endsWith('json')) return []; // larger than the record keeps
  const minimal = headers.get('preference-applied') === 'return=minimal';
  if (type === 'application/x-ndjson') return wrongLines(found, record, minimal);
  if (!type.endsWith('json')) return record.body === '' ? ['the body is empty'] : [];
  const body = JSON.parse(record.body);
  const wrong = misfits(found.pointer + pointerTo('content', type, 'schema'), body);
  if (type === PROBLEM) wrong.push(...wrongProblem(body, record, headers));
  if (wrong.length === 0 && body.summary !== undefined) wrong.push(...wrongSummary(body, minimal));
  return wrong;
}

// Everything about an exchange that the document does not say, as a list of texts.
export function wrongOf(record) {
  const headers = headersOf(record);
  if (madeByLibrary(record, headers)) return [];
  const found = responseOf(record.method, record.target, record.status);
  if (!found.response) return ['no such status is documented here'];
  try {
    return [...wrongHeaders(found, headers), ...wrongBody(found, record, headers)];
  } catch (error) {
    return [String(error)];
  }
}
