import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { send } from '../../harness/client.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { leadsIn, startServer, submissionsIn } from '../../harness/server.ts';

/** A stranger gets nothing done, and learns nothing of which keys exist. */
export function refusesStrangers(id: OperationId): void {
  bringsEveryExample(id, 401);

  test('a revoked key is refused from the next request on', async () => {
    const server = await startServer();
    const [key] = await Array.fromAsync(server.store.keys(undefined));
    expect((await send(server, id)).status).toBe(200);
    await server.store.revokeKey(key?.id ?? '');
    expect((await send(server, id)).status).toBe(401);
  });

  test.each([
    ['an empty key', { query: { key: '' } }],
    ['an empty key and an empty bearer token', { query: { key: '' }, headers: { Authorization: 'Bearer' } }],
    ['an empty bearer token', { query: { key: null }, headers: { Authorization: 'Bearer' } }],
    ['another scheme', { query: { key: null }, headers: { Authorization: 'Basic bGVhZHM6bGVhZHM=' } }],
    ['a very long key', { query: { key: 'k'.repeat(10_000) } }],
  ])('%s is no key', async (_what, request) => {
    const server = await startServer();
    expect((await send(server, id, request)).status).toBe(401);
  });

  test('a key that is empty in one place is not sent there', async () => {
    const server = await startServer();
    const headers = { Authorization: `Bearer ${server.key}` };
    expect((await send(server, id, { query: { key: '' }, headers })).status).toBe(200);
    expect((await send(server, id, { headers: { Authorization: 'Bearer ' } })).status).toBe(200);
  });

  test('what is wrong with the body is nobody’s business without a key', async () => {
    const server = await startServer();
    expect((await send(server, id, { query: { key: null }, text: '{' })).status).toBe(401);
    expect(await submissionsIn(server.store)).toEqual([]);
    expect(await leadsIn(server.store)).toEqual([]);
  });
}
