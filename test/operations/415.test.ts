/** Most HTTP libraries send a form by default; that must not look like invalid JSON. */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { startServer } from '../harness/server.ts';

describe.each(operationsWith(415))('%s', (id) => {
  testEveryExample(id, 415);

  test.each([
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/xml, application/json',
  ])('rejects the content type %o', async (type) => {
    const server = await startServer();
    expect((await send(server, id, { headers: { 'Content-Type': type } })).status).toBe(415);
  });

  test.each(['identity', 'IDENTITY', ''])('accepts the content coding %o', async (coding) => {
    const server = await startServer();
    expect((await send(server, id, { headers: { 'Content-Encoding': coding } })).status).toBe(200);
  });
});
