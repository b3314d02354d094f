// exchanges.mjs FOLDER - every exchange that the tests of the service have noted there is as api/openapi.yaml
// says: path, method and status are documented, so are the headers and the type, and the body fits its schema.
// The bodies of requests are held against theirs too: what was taken is valid, and what broke the rules is not.
import { headersOf, misfits, recordsIn, typeOf, wrongOf } from './contract.mjs';

const SHOWN_MAX = 20;
const NEW_ORDER = '/components/schemas/NewOrder';
// What a schema cannot see: the clock, bytes as they were written, headers.
const UNSEEN = new Set(['in_the_future', 'number_not_exact', 'number_out_of_range', 'too_large', 'invalid_idempotency_key', 'idempotency_key_mismatch']);

const isUnseen = ({ code, pointer }) => UNSEEN.has(code) || pointer === '/client_order_id' || (code === 'invalid_format' && pointer === '/sent_at');

function wrongOfOrder(record) {
  const body = JSON.parse(record.request_body);
  if (record.status < 300) return misfits(NEW_ORDER, body).map((text) => `taken, and against the schema: ${text}`);
  const answer = JSON.parse(record.body);
  if (answer.code !== 'invalid_order' || answer.errors.every(isUnseen)) return [];
  return misfits(NEW_ORDER, body).length === 0 ? ['refused as invalid, and valid by the schema'] : [];
}

const isPacked = (text) => !text.trimStart().startsWith('{');
const isOrder = ({ method, target, status, request_body, request_body_cut }) =>
  method === 'POST' && /^\/v1\/orders(\?|$)/.test(target) && request_body && !request_body_cut && !isPacked(request_body) &&
  (status < 300 || status === 422);

const records = recordsIn(process.argv[2]);
let bad = 0;
for (const record of records) {
  const wrong = wrongOf(record);
  if (wrong.length === 0 && isOrder(record)) wrong.push(...wrongOfOrder(record));
  if (wrong.length === 0) continue;
  if (++bad > SHOWN_MAX) continue;
  console.log(`${record.test}: ${record.method} ${record.target.slice(0, 200)} ${record.status} ${typeOf(headersOf(record))}`);
  console.log(`  ${record.body.slice(0, 600)}`);
  for (const text of wrong.slice(0, 10)) console.log(`  - ${text}`);
}
console.log(`exchanges: ${records.length} seen, ${bad} are not as the contract says`);
process.exit(records.length > 0 && bad === 0 ? 0 : 1);
