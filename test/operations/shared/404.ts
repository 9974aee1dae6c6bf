import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

/** An address that is almost right must not look like a lead that was not found. */
export function knowsItsAddress(id: OperationId): void {
  bringsEveryExample(id, 404);

  const { path } = operationOf(id);

  test.each([`${path}/`, `/${path}`, path.toUpperCase(), `/v1${path}`])(
    '%s is another address',
    async (other) => {
      const server = await startServer();
      expect((await send(server, id, { path: server.url + other })).status).toBe(404);
    },
  );
}
