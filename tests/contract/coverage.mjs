// coverage.mjs FOLDER REPORT - every answer that api/openapi.yaml documents, by operation, status and code, has
// been given to some test of the service: the exchanges in FOLDER. Responses that operations share count as
// one. What cannot be reached stands in unreached.txt, with the reason. REPORT is a table of who reached what.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headersOf, kindOf, kinds, recordsIn, responseOf, responses } from './contract.mjs';

const SHOWN_MAX = 3;
// Said before it matters which operation was meant: seen once is seen.
const BEFORE = new Set(['malformed_request', 'malformed_target', 'invalid_gzip', 'body_too_large', 'too_many_connections', 'too_many_connections_of_address',
  'client_certificate_required', 'host_not_allowed', 'origin_not_allowed', 'client_certificate_refused', 'overloaded', 'shutting_down']);
const here = dirname(fileURLToPath(import.meta.url));
const placeOf = (where, kind) => (BEFORE.has(kind) ? 'any operation' : where);
const nameOf = (where, status, kind) => [placeOf(where, kind), status, kind].filter((part) => part !== '').join(' ');

const reached = new Map();
for (const { where, status, response } of responses())
  for (const kind of kinds(response)) reached.set(nameOf(where, status, kind), { where: placeOf(where, kind), status, kind, tests: new Set() });

for (const record of recordsIn(process.argv[2])) {
  const { where } = responseOf(record.method, record.target, record.status);
  reached.get(nameOf(where, record.status, kindOf(record, headersOf(record))))?.tests.add(record.test);
}

const excused = new Set(readFileSync(join(here, 'unreached.txt'), 'utf8').split('\n')
  .map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== ''));
let bad = 0;
for (const [name, { tests }] of reached)
  if (tests.size === 0 && !excused.has(name)) { bad++; console.log(`no test has seen: ${name}`); }
for (const name of excused) {
  if (!reached.has(name)) { bad++; console.log(`unreached.txt: ${name}: there is no such answer`); }
  else if (reached.get(name).tests.size > 0) console.log(`unreached.txt: ${name}: ${[...reached.get(name).tests][0]} has seen it: take it out`);
}

const rows = [...reached.values()].map(({ where, status, kind, tests }) => {
  const shown = [...tests].sort().slice(0, SHOWN_MAX).join(', ');
  return `| ${where} | ${status} | ${kind} | ${shown}${tests.size > SHOWN_MAX ? ', …' : ''} |`;
});
writeFileSync(process.argv[3], ['# Who has seen which answer', '', '| answer of | status | code or type | tests |', '|---|---|---|---|', ...rows, ''].join('\n'));
const seen = [...reached.values()].filter(({ tests }) => tests.size > 0).length;
console.log(`coverage: ${seen} of ${reached.size} answers seen, ${excused.size} excused, ${bad} complaints`);
process.exit(bad === 0 && seen > 0 ? 0 : 1);
