/** An address that is almost right must not look like a lead that was not found. */
import { expect, test } from 'vitest';
import { send } from '../../harness/client.ts';
import { operationOf } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

bringsEveryExample('cancelLead', 404);

const { path } = operationOf('cancelLead');

test.each([`${path}/`, `/${path}`, path.toUpperCase(), `/v1${path}`])(
  '%s is another address',
  async (other) => {
    const server = await startServer();
    expect((await send(server, 'cancelLead', { path: server.url + other })).status).toBe(404);
  },
);
