/** An overlong address is refused by the HTTP parser, before any code of the operation: it answers in form all the same. */

import { expect, test } from 'vitest';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

bringsEveryExample('addLead', 431, {
  'headers-too-large': {
    send: (server) => send(server, 'addLead', { headers: { 'X-Padding': 'x'.repeat(17_000) } }),
  },
});

test('an overlong address is refused in the same way', async () => {
  const server = await startServer();
  const { method, path } = operationOf('addLead');
  expect((await send(server, 'addLead', { method, path, query: { key: 'k'.repeat(17_000) } })).status).toBe(
    431,
  );
});
