/** Node's HTTP parser rejects these requests before the operation; the response must still follow the contract. */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { startServer } from '../harness/server.ts';

describe.each(operationsWith(431))('%s', (id) => {
  testEveryExample(id, 431, {
    'headers-too-large': {
      send: (server) => send(server, id, { headers: { 'X-Padding': 'x'.repeat(17_000) } }),
    },
  });

  test('rejects an overlong URL', async () => {
    const server = await startServer();
    const { method, path } = operationOf(id);
    expect((await send(server, id, { method, path, query: { key: 'k'.repeat(17_000) } })).status).toBe(431);
  });
});
