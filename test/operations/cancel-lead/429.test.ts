/** One partner's burst must not fill the queue that all partners wait in. */
import { expect, test } from 'vitest';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { overfill } from '../../harness/overfill.ts';
import { holdWriteLock, startServer } from '../../harness/server.ts';

bringsEveryExample('cancelLead', 429, {
  'too-many-requests': {
    options: { inFlightPerKey: 2 },
    send: async (server) => (await overfill(server, 'cancelLead', 2)).refused,
  },
});

test('requests that have their turn are answered all the same, and further ones after them', async () => {
  const server = await startServer({ inFlightPerKey: 2 });
  const { taken } = await overfill(server, 'cancelLead', 2);
  expect(taken.map(({ status }) => status)).toEqual([200, 200]);
  expect((await send(server, 'cancelLead')).status).toBe(200);
});

test('the requests of another key are not counted', async () => {
  const server = await startServer({ inFlightPerKey: 1 });
  const key = newKey();
  await server.store.addKey(server.partner, 'second', digestOf(key));
  const lock = holdWriteLock(server.file);
  const both = [send(server, 'cancelLead'), send({ ...server, key }, 'cancelLead')];
  lock.release();
  expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
});
