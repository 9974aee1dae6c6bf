import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { requestExamples } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

/** What a stranger can make the server hold in memory is bounded, however the size is declared. */
export function boundsItsBody(id: OperationId): void {
  const limit = 128 * 1024;
  const body = JSON.stringify(Object.values(requestExamples(id))[0]?.value);

  bringsEveryExample(id, 413, {
    'content-too-large': { send: (server) => send(server, id, { text: body.padEnd(limit + 1) }) },
  });

  test('a body of exactly the limit is read', async () => {
    const server = await startServer();
    expect((await send(server, id, { text: body.padEnd(limit) })).status).toBe(200);
  });

  test('a body many times the limit is refused and not held', async () => {
    const server = await startServer();
    expect((await send(server, id, { text: body.padEnd(100 * limit) })).status).toBe(413);
  });

  test('a body that does not say how large it is, is refused where it turns out too large', async () => {
    const server = await startServer();
    expect((await send(server, id, { chunks: [body, ' '.repeat(limit)] })).status).toBe(413);
    expect((await send(server, id, { chunks: [body, ' '] })).status).toBe(200);
  });
}
