/** Partners retry and forms are submitted twice, so the same lead can arrive many times at once. */

import { setImmediate as nextTick } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { post, send } from '../harness/client.ts';
import { requestValue, responseValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { deliverDue, leadsIn, startServer, submissionsIn } from '../harness/server.ts';

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

test('either cancels or delivers a lead, whenever its cancellation arrives during the delivery', async () => {
  const server = await startServer();
  const confirmed = responseValue('cancelLead', 200, 'cancelled');
  const { store, type } = server;
  const states: (string | undefined)[] = [];
  // The delivery begins one tick later in each round, until the cancellation has always been first for some rounds.
  for (let ticks = 0; !states.slice(-5).every((state) => state === 'cancelled') || ticks < 20; ticks += 1) {
    const mobile = mobileOf(ticks);
    await post(server, 'addLead', { ...requestValue('addLead', 'accepted'), mobile });
    const cancelling = post(server, 'cancelLead', { mobile, type });
    for (let tick = 0; tick < ticks; tick += 1) await nextTick();
    await deliverDue(store);
    const isCancelled = isDeepStrictEqual((await cancelling).json, confirmed);
    const [lead] = await Array.fromAsync(store.leads({ mobile }, 1));
    expect(lead?.state).toBe(isCancelled ? 'cancelled' : 'dialled');
    expect(await Array.fromAsync(store.attempts(mobile))).toHaveLength(isCancelled ? 0 : 1);
    states.push(lead?.state);
  }
  expect(states[0]).toBe('dialled');
});
