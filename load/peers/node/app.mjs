// Peer of ordersd: fastify and pg, in PROCESSES processes. It answers after the commit.
//
// PEER=single    one INSERT a request, over a pool of POOL_MAX connections a process
// PEER=batched   requests are collected, and WORKERS writers a process store what has queued up, at most GROUP_MAX, by
//                ordersd's own statement (GROUP_INSERT)
//
// Environment beside these: DATABASE_URL, LISTEN (host:port).
import cluster from 'node:cluster';
import Fastify from 'fastify';
import pg from 'pg';
import { answer, body, complete, pricesFit, same, stored } from './order.mjs';
import { Batched } from './batched.mjs';
import { Single } from './single.mjs';

const setting = (name, fallback) => Number(process.env[name] ?? fallback);
const json = 'application/json; charset=utf-8';
const processes = setting('PROCESSES', 2);

async function serve() {
  const batched = process.env.PEER === 'batched';
  const workers = setting('WORKERS', 1);
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL,
    max: batched ? workers + 2 : setting('POOL_MAX', 16) });
  const store = batched ? new Batched(pool, workers, setting('GROUP_MAX', 512), processes * workers > 1) : new Single(pool);
  const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } });
  app.setErrorHandler((error, request, reply) => {
    reply.code(error.validation ? 422 : error.statusCode ?? 503).send({ title: error.message });
  });
  app.post('/v1/orders', { schema: { body } }, async (request, reply) => {
    if (!pricesFit(request.body)) return reply.code(422).send({ title: 'limit_price or stop_price' });
    const order = complete(request.body);
    if (await store.insert(order)) return reply.code(201).type(json).send(answer(order, false));
    const before = await stored(pool, order);
    if (!same(order, before)) return reply.code(422).send({ title: 'client_order_id was used for another order' });
    return reply.code(200).type(json).send(answer(before, true));
  });
  const [host, port] = process.env.LISTEN.split(':');
  await app.listen({ host, port: Number(port), backlog: 4096 });
}

if (cluster.isPrimary && processes > 1) {
  for (let i = 0; i < processes; i++) cluster.fork();
  cluster.on('exit', () => process.exit(1));
} else {
  await serve();
}
