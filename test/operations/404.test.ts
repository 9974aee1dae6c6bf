/** A path that is almost correct must not look like a lead that was not found. */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { operationOf, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { startServer } from '../harness/server.ts';

describe.each(operationsWith(404))('%s', (id) => {
  testEveryExample(id, 404);

  const { path } = operationOf(id);

  test.each([`${path}/`, `/${path}`, path.toUpperCase(), `/v1${path}`])(
    'responds with 404 to the path %s',
    async (other) => {
      const server = await startServer();
      expect((await send(server, id, { path: server.url + other })).status).toBe(404);
    },
  );
});
