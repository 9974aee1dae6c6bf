import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

/** A redirect that turns POST into GET is the usual cause; the answer must tell it from a wrong address. */
export function knowsItsMethod(id: OperationId): void {
  bringsEveryExample(id, 405);

  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s is told which method to use',
    async (method) => {
      const server = await startServer();
      const { status, headers } = await send(server, id, { method });
      expect({ status, allow: headers['allow'] }).toEqual({ status: 405, allow: operationOf(id).method });
    },
  );
}
