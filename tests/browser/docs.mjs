// docs.mjs ORDERSD PAGE - a build with ORDERSD_API_REFERENCE=PAGE serves that file at /docs, byte for byte, also while it
// has no database.
import { readFileSync } from 'node:fs';
import { Service } from './service.mjs';

const [program, page] = process.argv.slice(2);
const HEADERS = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "frame-ancestors 'none'", 'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer', 'cache-control': 'no-store' };

let failures = 0;
function expect(good, words) {
  console.error(`${good ? 'ok  ' : 'FAIL'} ${words}`);
  failures += good ? 0 : 1;
}

const service = await Service.open(program, '/nowhere');
try {
  const answer = await fetch(`${service.address}/docs`);
  expect(answer.status === 200, `it is served (${answer.status})`);
  for (const [name, value] of Object.entries(HEADERS)) expect(answer.headers.get(name) === value, `${name}: ${answer.headers.get(name)}`);
  expect(readFileSync(page).equals(Buffer.from(await answer.arrayBuffer())), 'byte for byte');
} finally {
  await service.kill();
}
process.exit(failures === 0 ? 0 : 1);
