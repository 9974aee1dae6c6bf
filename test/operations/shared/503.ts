import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { overfill } from '../../harness/overfill.ts';
import { startServer } from '../../harness/server.ts';

/** When more waits than can be held, an honest "later" beats a queue that grows until all is lost. */
export function boundsItsQueue(id: OperationId): void {
  bringsEveryExample(id, 503, {
    unavailable: {
      options: { capacity: 2 },
      send: async (server) => (await overfill(server, id, 2)).refused,
    },
  });

  test('what was waiting is answered all the same, and the server takes requests again', async () => {
    const server = await startServer({ capacity: 2 });
    const { taken } = await overfill(server, id, 2);
    expect(taken.map(({ status }) => status)).toEqual([200, 200]);
    expect((await send(server, id)).status).toBe(200);
  });
}
