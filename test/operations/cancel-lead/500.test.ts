/** When the store fails the call may still be made, and the partner must not believe otherwise. */
import { expect, test } from 'vitest';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { breakStore, startServer } from '../../harness/server.ts';

bringsEveryExample('cancelLead', 500, {
  'server-error': {
    arrange: async (server) => breakStore(server.file),
    send: (server) => send(server, 'cancelLead'),
  },
});

test('the answer shows nothing of the store', async () => {
  const server = await startServer();
  breakStore(server.file);
  const { text } = await send(server, 'cancelLead');
  expect(text).not.toMatch(/sqlite|SELECT|UPDATE|lead_|\/|at /i);
});
