import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { overfill } from '../../harness/overfill.ts';
import { holdWriteLock, startServer } from '../../harness/server.ts';

/** One partner's burst must not fill the queue that all partners wait in. */
export function boundsEachKey(id: OperationId): void {
  bringsEveryExample(id, 429, {
    'too-many-requests': {
      options: { inFlightPerKey: 2 },
      send: async (server) => (await overfill(server, id, 2)).refused,
    },
  });

  test('requests that have their turn are answered all the same, and further ones after them', async () => {
    const server = await startServer({ inFlightPerKey: 2 });
    const { taken } = await overfill(server, id, 2);
    expect(taken.map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(server, id)).status).toBe(200);
  });

  test('the requests of another key are not counted', async () => {
    const server = await startServer({ inFlightPerKey: 1 });
    const key = newKey();
    await server.store.addKey(server.partner, 'second', digestOf(key));
    const lock = holdWriteLock(server.file);
    const both = [send(server, id), send({ ...server, key }, id)];
    lock.release();
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
  });
}
