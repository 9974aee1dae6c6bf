import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

/** An overlong address is refused by the HTTP parser, before any code of the operation: it answers in form all the same. */
export function boundsItsHeaders(id: OperationId): void {
  bringsEveryExample(id, 431, {
    'headers-too-large': {
      send: (server) => send(server, id, { headers: { 'X-Padding': 'x'.repeat(17_000) } }),
    },
  });

  test('an overlong address is refused in the same way', async () => {
    const server = await startServer();
    const { method, path } = operationOf(id);
    expect((await send(server, id, { method, path, query: { key: 'k'.repeat(17_000) } })).status).toBe(431);
  });
}
