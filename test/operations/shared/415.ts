import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { startServer } from '../../harness/server.ts';

/** Most HTTP libraries send a form unless told otherwise; that must not look like broken JSON. */
export function takesOnlyJson(id: OperationId): void {
  bringsEveryExample(id, 415);

  test.each([
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/xml, application/json',
  ])('the content type %o is not read as JSON', async (type) => {
    const server = await startServer();
    expect((await send(server, id, { headers: { 'Content-Type': type } })).status).toBe(415);
  });

  test.each(['identity', 'IDENTITY', ''])('a content coding of %o is none', async (coding) => {
    const server = await startServer();
    expect((await send(server, id, { headers: { 'Content-Encoding': coding } })).status).toBe(200);
  });
}
