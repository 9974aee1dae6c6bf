/**
 * The usual cause is a redirect that turns POST into GET, so the response must differ from the one for a wrong path.
 */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { startServer } from '../harness/server.ts';

describe.each(operationsWith(405))('%s', (id) => {
  testEveryExample(id, 405);

  test.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'rejects %s and names the supported method',
    async (method) => {
      const server = await startServer();
      const { status, headers } = await send(server, id, { method });
      expect({ status, allow: headers['allow'] }).toEqual({ status: 405, allow: operationOf(id).method });
    },
  );
});
