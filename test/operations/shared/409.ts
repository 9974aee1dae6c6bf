import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { send } from '../../harness/client.ts';
import type { ReceivedResponse } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import {
  breakStore,
  holdWriteLock,
  repairStore,
  startServer,
  type TestServer,
} from '../../harness/server.ts';

const headers = { 'Idempotency-Key': 'the-same' };

/** Two at once with one key, while the store cannot write: the one that is refused, and the other. */
async function both(
  server: TestServer,
  id: OperationId,
): Promise<{ refused: ReceivedResponse; other: ReceivedResponse }> {
  const lock = holdWriteLock(server.file);
  const sent = [send(server, id, { headers }), send(server, id, { headers })];
  const refused = await Promise.race(sent);
  lock.release();
  const other = (await Promise.all(sent)).find((run) => run !== refused);
  if (other === undefined) throw new Error('One of two requests was not answered.');
  return { refused, other };
}

/** A client that gave up waiting must not start the same thing a second time beside the first. */
export function refusesWhileUnderWay(id: OperationId): void {
  bringsEveryExample(id, 409, {
    'request-in-progress': { send: async (server) => (await both(server, id)).refused },
  });

  test('once the first request is answered, the same request gets its answer', async () => {
    const server = await startServer();
    const { other } = await both(server, id);
    expect(other.status).toBe(200);
    expect(other.headers).not.toHaveProperty('idempotent-replayed');
    const again = await send(server, id, { headers });
    expect(again.text).toBe(other.text);
    expect(again.headers).toHaveProperty('idempotent-replayed', 'true');
  });

  test('a request that the store failed leaves its key free', async () => {
    const server = await startServer();
    breakStore(server.file);
    expect((await send(server, id, { headers })).status).toBe(500);
    repairStore(server.file);
    const run = await send(server, id, { headers });
    expect(run.status).toBe(200);
    expect(run.headers).not.toHaveProperty('idempotent-replayed');
  });

  test('a request that found no room leaves its key free', async () => {
    const server = await startServer({ capacity: 1 });
    const lock = holdWriteLock(server.file);
    const answers = Array.from({ length: 5 }, async (_, index) => {
      const own = { 'Idempotency-Key': `key-${index}` };
      return { own, run: await send(server, id, { headers: own }) };
    });
    const { own, run } = await Promise.race(answers);
    lock.release();
    await Promise.all(answers);
    expect(run.status).toBe(503);
    expect((await send(server, id, { headers: own })).status).toBe(200);
  });

  test('a key that is in progress for one partner is free for another', async () => {
    const server = await startServer();
    const key = newKey();
    await server.store.addPartner('other', [server.type]);
    await server.store.addKey('other', 'other-key', digestOf(key));
    const lock = holdWriteLock(server.file);
    const statuses: number[] = [];
    const refused = Promise.withResolvers<void>();
    // Two of each partner: of each, one waits for the lock and the other is refused.
    const sent = [server, server, { ...server, key }, { ...server, key }].map(async (target) => {
      statuses.push((await send(target, id, { headers })).status);
      if (statuses.length === 2) refused.resolve();
    });
    await refused.promise;
    lock.release();
    await Promise.all(sent);
    expect(statuses).toEqual([409, 409, 200, 200]);
  });
}
