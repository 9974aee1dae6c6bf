/** Bounds the memory that an unauthenticated client can occupy, however it declares the size of its body. */
import { describe, expect, test } from 'vitest';
import { rateLimit } from '../../src/partners/rate-limit.ts';
import { send } from '../harness/client.ts';
import { defaultBody, maxBytesOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { startServer } from '../harness/server.ts';

describe.each(operationsWith(413))('%s', (id) => {
  const limit = maxBytesOf(id);
  const body = JSON.stringify(defaultBody(id));

  testEveryExample(id, 413, {
    ...(id === 'addLeads' && {
      'too-many-rows': { options: { rateLimit: rateLimit(0.1, 1) }, send: (server) => send(server, id) },
    }),
    'content-too-large': { send: (server) => send(server, id, { text: body.padEnd(limit + 1) }) },
  });

  test('accepts a body of exactly the maximum size', async () => {
    const server = await startServer();
    expect((await send(server, id, { text: body.padEnd(limit) })).status).toBe(200);
  });

  test('rejects a body of many times the maximum size', async () => {
    const server = await startServer();
    expect((await send(server, id, { text: body.padEnd(100 * limit) })).status).toBe(413);
  });

  test('rejects a chunked body once it exceeds the maximum size', async () => {
    const server = await startServer();
    expect((await send(server, id, { chunks: [body, ' '.repeat(limit)] })).status).toBe(413);
    expect((await send(server, id, { chunks: [body, ' '] })).status).toBe(200);
  });
});
