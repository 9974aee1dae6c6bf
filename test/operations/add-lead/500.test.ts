/** When the store fails, the one thing that must not be said is `"saved": true`. */
import { expect, test } from 'vitest';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { breakStore, startServer, submissionsIn } from '../../harness/server.ts';

bringsEveryExample('addLead', 500, {
  'server-error': {
    arrange: async (server) => breakStore(server.file),
    send: (server) => send(server, 'addLead'),
  },
});

test('a submission whose lead cannot be written is not saved either', async () => {
  const server = await startServer();
  breakStore(server.file);
  const { text } = await send(server, 'addLead');
  expect(text).not.toMatch(/sqlite|SELECT|INSERT|lead_|\/|at /i);
  expect(await submissionsIn(server.store)).toEqual([]);
});
