/** A client that stopped waiting must not start the same operation again while the first request is in flight. */
import { describe, expect, test } from 'vitest';
import type { OperationId } from '../../src/contract/reply.ts';
import { send } from '../harness/client.ts';
import { operationsWith, type ReceivedResponse } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import {
  addPartner,
  breakStore,
  holdWriteLock,
  repairStore,
  startServer,
  type TestServer,
} from '../harness/server.ts';

const headers = { 'Idempotency-Key': 'the-same' };

/** Sends two requests with one idempotency key while the store cannot write. */
async function sendBoth(
  server: TestServer,
  id: OperationId,
): Promise<{ refused: ReceivedResponse; other: ReceivedResponse }> {
  const lock = holdWriteLock(server.file);
  const sent = [send(server, id, { headers }), send(server, id, { headers })];
  const refused = await Promise.race(sent);
  lock.release();
  const other = (await Promise.all(sent)).find((response) => response !== refused);
  if (other === undefined) throw new Error('One of two requests got no response.');
  return { refused, other };
}

describe.each(operationsWith(409))('%s', (id) => {
  testEveryExample(id, 409, {
    'request-in-progress': { send: async (server) => (await sendBoth(server, id)).refused },
  });

  test('replays the first response once it is sent', async () => {
    const server = await startServer();
    const { other } = await sendBoth(server, id);
    expect(other.status).toBe(200);
    expect(other.headers).not.toHaveProperty('idempotent-replayed');
    const again = await send(server, id, { headers });
    expect(again.text).toBe(other.text);
    expect(again.headers).toHaveProperty('idempotent-replayed', 'true');
  });

  test('accepts the key again after a store error', async () => {
    const server = await startServer();
    breakStore(server.file);
    expect((await send(server, id, { headers })).status).toBe(500);
    repairStore(server.file);
    const response = await send(server, id, { headers });
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('idempotent-replayed');
  });

  test('accepts the key again after 503', async () => {
    const server = await startServer({ capacity: 1 });
    const lock = holdWriteLock(server.file);
    const responses = Array.from({ length: 5 }, async (_, index) => {
      const own = { 'Idempotency-Key': `key-${index}` };
      return { own, response: await send(server, id, { headers: own }) };
    });
    const { own, response } = await Promise.race(responses);
    lock.release();
    await Promise.all(responses);
    expect(response.status).toBe(503);
    expect((await send(server, id, { headers: own })).status).toBe(200);
  });

  test('accepts a key that is in progress for another partner', async () => {
    const server = await startServer();
    const other = await addPartner(server, 'other');
    const lock = holdWriteLock(server.file);
    const statuses: number[] = [];
    const refused = Promise.withResolvers<void>();
    // Two requests of each partner: one waits for the lock, the other is rejected.
    const sent = [server, server, other, other].map(async (target) => {
      statuses.push((await send(target, id, { headers })).status);
      if (statuses.length === 2) refused.resolve();
    });
    await refused.promise;
    lock.release();
    await Promise.all(sent);
    expect(statuses).toEqual([409, 409, 200, 200]);
  });
});
