/** An invalid cancellation must be rejected clearly: a partner who believes in it lets a call happen. */
import { expect, test } from 'vitest';
import { post } from '../../harness/client.ts';
import { leadsIn, startServer } from '../../harness/server.ts';

test('cancels nothing if the request is invalid', async () => {
  const server = await startServer();
  await post(server, 'addLead', undefined);
  const { status } = await post(server, 'cancelLead', {
    mobile: '07840258823',
    type: server.type,
    test: true,
  });
  expect(status).toBe(400);
  expect((await leadsIn(server.store))[0]?.state).toBe('scheduled');
});
