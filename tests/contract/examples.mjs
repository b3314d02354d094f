// examples.mjs - each example of api/openapi.yaml fits its schema, and is one of api/examples/, which a test
// replays (test_service_examples); so are the orders and the answers that README.md shows. Examples of 5xx
// need a fault to be seen, so those only fit.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { document, misfits, operationOf, operations, pointerTo, responses, root } from './contract.mjs';

const folder = join(root, 'api/examples');
const exchanges = readdirSync(folder).filter((name) => name.endsWith('.json'))
  .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).exchanges);
let bad = 0, seen = 0;
const complain = (text) => { bad++; console.log(text); };

function judge(where, pointer, media, shown) {
  for (const [name, { value, summary }] of Object.entries(media.examples ?? {})) {
    seen++;
    if (!summary) complain(`${where}, ${name}: it has no summary`);
    for (const text of misfits(pointer + '/schema', value)) complain(`${where}, ${name}: ${text}`);
    if (!shown(value)) complain(`${where}, ${name}: it is none of api/examples/`);
  }
}

const servedBy = (exchange, { template, method }) => {
  const found = operationOf(exchange.request.method, exchange.request.path);
  return found !== null && found.template === template && found.method === method;
};

for (const operation of operations()) {
  const parts = ['paths', operation.template, operation.method, 'requestBody', 'content'];
  const content = document.paths[operation.template][operation.method].requestBody?.content ?? {};
  const mine = exchanges.filter((exchange) => servedBy(exchange, operation));
  for (const [type, media] of Object.entries(content))
    judge(`${operation.method} ${operation.template}`, pointerTo(...parts, type), media,
      (value) => mine.some(({ request }) => isDeepStrictEqual(request.body, value)));
}
for (const { where, status, pointer, response } of responses())
  for (const [type, media] of Object.entries(response.content ?? {}))
    judge(`${where} ${status}`, pointer + pointerTo('content', type), media,
      (value) => status >= 500 || exchanges.some(({ response: r }) => r.status === status && isDeepStrictEqual(r.body, value)));

const readme = readFileSync(join(root, 'README.md'), 'utf8');
for (const [, order] of readme.matchAll(/-d '(\{.*\})'/g))
  if (!exchanges.some(({ request }) => isDeepStrictEqual(request.body, JSON.parse(order)))) complain(`README.md posts ${order}, which is none of api/examples/`);

console.log(`examples: ${seen} of the contract, ${exchanges.length} exchanges, ${bad} complaints`);
process.exit(bad === 0 && seen > 0 && exchanges.length > 0 ? 0 : 1);
