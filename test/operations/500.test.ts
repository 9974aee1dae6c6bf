/** When the store fails, the response must not claim that anything was done, nor reveal anything about the store. */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { breakStore, startServer, submissionsIn } from '../harness/server.ts';

describe.each(operationsWith(500))('%s', (id) => {
  testEveryExample(id, 500, {
    'server-error': {
      arrange: async (server) => {
        // A report of nothing reads no leads.
        if (id === 'leadReport') await send(server, 'addLead');
        breakStore(server.file);
      },
      send: (server) => send(server, id),
    },
  });

  test('reveals nothing about the store', async () => {
    const server = await startServer();
    breakStore(server.file);
    const { text } = await send(server, id);
    expect(text).not.toMatch(/sqlite|SELECT|INSERT|UPDATE|lead_|\/|at /i);
  });
});

test('addLead saves no submission if its lead cannot be saved', async () => {
  const server = await startServer();
  breakStore(server.file);
  expect((await send(server, 'addLead')).status).toBe(500);
  expect(await submissionsIn(server.store)).toEqual([]);
});
