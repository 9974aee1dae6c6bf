/** Partners retry and forms are submitted twice, so the same lead can arrive many times at once. */

import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { post, send } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { dialDue, leadsIn, startServer, submissionsIn } from '../harness/server.ts';

test('processes exactly one of two hundred equal concurrent adds, and saves all', async () => {
  const server = await startServer();
  const responses = await Promise.all(Array.from({ length: 200 }, () => send(server, 'addLead')));
  const processed = responses.filter(({ json }) =>
    isDeepStrictEqual(json, responseValue('addLead', 200, 'accepted')),
  );
  expect(processed).toHaveLength(1);
  expect(responses.every(({ status }) => status === 200)).toBe(true);
  expect(await leadsIn(server.store)).toHaveLength(1);
  expect(await submissionsIn(server.store)).toHaveLength(200);
});

test('never delivers a lead whose cancellation was confirmed, however requests interleave', async () => {
  const server = await startServer();
  const wanted = requestValue('cancelLead', 'cancelled');
  const confirmed = responseValue('cancelLead', 200, 'cancelled');
  for (let round = 0; round < 10; round += 1) {
    const [, cancelled] = await Promise.all([
      send(server, 'addLead'),
      post(server, 'cancelLead', wanted),
      dialDue(server.store),
    ]);
    const again = await post(server, 'cancelLead', wanted);
    const isCancelled = [cancelled, again].some(({ json }) => isDeepStrictEqual(json, confirmed));
    await dialDue(server.store);
    const [lead] = await leadsIn(server.store);
    expect(lead?.state).toBe(isCancelled ? 'cancelled' : 'dialled');
    if (lead?.state === 'dialled') return;
  }
});
