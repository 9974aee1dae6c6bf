/** Partners retry, and forms are sent twice: the same lead arrives many times in the same instant. */

import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { post, send } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { dialDue, leadsIn, startServer, submissionsIn } from '../harness/server.ts';

test('of two hundred equal adds at once exactly one is processed, and all are saved', async () => {
  const server = await startServer();
  const answers = await Promise.all(Array.from({ length: 200 }, () => send(server, 'addLead')));
  const processed = answers.filter(({ json }) =>
    isDeepStrictEqual(json, responseValue('addLead', 200, 'accepted')),
  );
  expect(processed).toHaveLength(1);
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(await leadsIn(server.store)).toHaveLength(1);
  expect(await submissionsIn(server.store)).toHaveLength(200);
});

test('a lead whose cancelling is confirmed is never dialled, whatever meets it', async () => {
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
