/** A server that cannot accept a request must reject it, rather than queue requests until all of them are lost. */
import { describe, expect, test, vi } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { StoreUnavailable } from '../../src/store/store-unavailable.ts';
import { send } from '../harness/client.ts';
import { operationIds, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { overfill } from '../harness/overfill.ts';
import { startServer } from '../harness/server.ts';

/** Operations whose calls wait in the store's queue. */
const queued = operationsWith(503).filter((id) => operationsWith(409).includes(id));

describe.each(queued)('%s', (id) => {
  testEveryExample(id, 503, {
    unavailable: {
      options: { capacity: 2 },
      send: async (server) => (await overfill(server, id, 2)).refused,
    },
  });

  test('responds to the requests in the queue, and accepts new ones afterwards', async () => {
    const server = await startServer({ capacity: 2 });
    const { accepted } = await overfill(server, id, 2);
    expect(accepted.map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(server, id)).status).toBe(200);
  });
});

/** Makes every method of a store unavailable, except some. */
function makeUnavailable(store: Store, except: readonly string[]): void {
  const error = new StoreUnavailable('The queue is full.');
  const list = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
  // Some methods return a promise, others a list, whose promise nobody awaits.
  const reject = () => {
    const rejected = Promise.reject(error);
    rejected.catch(() => {});
    return Object.assign(rejected, list);
  };
  const names = Object.keys(store).filter((name) => !except.includes(name));
  Object.assign(store, Object.fromEntries(names.map((name) => [name, reject])));
}

describe.each(operationsWith(503).filter((id) => !queued.includes(id)))('%s', (id) => {
  testEveryExample(id, 503, {
    unavailable: {
      // SQLite's reads do not wait in the queue: only another store can be unavailable for reads.
      arrange: async ({ store }) => makeUnavailable(store, ['keyHolder', 'recordKeyLastUsed', 'close']),
      send: (server) => send(server, id),
    },
  });
});

describe.each(operationIds())('%s', (id) => {
  test('responds with 503 if the store is unavailable for the look-up of the key', async () => {
    const server = await startServer();
    vi.spyOn(server.store, 'keyHolder').mockRejectedValue(new StoreUnavailable('The queue is full.'));
    expect((await send(server, id)).status).toBe(503);
  });
});
