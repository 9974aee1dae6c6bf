/** An address that is almost right must not look like a lead that was not found. */
import { expect, test } from 'vitest';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

bringsEveryExample('addLead', 404);

const { path } = operationOf('addLead');

test.each([`${path}/`, `/${path}`, path.toUpperCase(), `/v1${path}`])(
  '%s is another address',
  async (other) => {
    const server = await startServer();
    expect((await send(server, 'addLead', { path: server.url + other })).status).toBe(404);
  },
);
