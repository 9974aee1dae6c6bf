import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import type { Answer } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { holdWriteLock, startServer, type TestServer } from '../../harness/server.ts';

const headers = { 'Idempotency-Key': 'the-same' };

/** Two at once with one key, while the store cannot write: the one that is refused, and the other. */
async function both(server: TestServer, id: OperationId): Promise<{ refused: Answer; other: Answer }> {
  const lock = holdWriteLock(server.file);
  const sent = [send(server, id, { headers }), send(server, id, { headers })];
  const refused = await Promise.race(sent);
  lock.release();
  const other = (await Promise.all(sent)).find((answer) => answer !== refused);
  if (other === undefined) throw new Error('One of two requests was not answered.');
  return { refused, other };
}

/** A client that gave up waiting must not start the same thing a second time beside the first. */
export function refusesWhileUnderWay(id: OperationId): void {
  bringsEveryExample(id, 409, {
    'still-under-way': { send: async (server) => (await both(server, id)).refused },
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
}
