/** Without a valid key, nothing happens and nothing is revealed about which keys exist. */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { leadsIn, startServer, submissionsIn } from '../harness/server.ts';

describe.each(operationsWith(401))('%s', (id) => {
  testEveryExample(id, 401);

  test('rejects a revoked key from the next request on', async () => {
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
  ])('rejects %s', async (_credentials, request) => {
    const server = await startServer();
    expect((await send(server, id, request)).status).toBe(401);
  });

  test('ignores an empty key if the other place has a valid one', async () => {
    const server = await startServer();
    const headers = { Authorization: `Bearer ${server.key}` };
    expect((await send(server, id, { query: { key: '' }, headers })).status).toBe(200);
    expect((await send(server, id, { headers: { Authorization: 'Bearer ' } })).status).toBe(200);
  });

  test('does not validate the body of an unauthenticated request', async () => {
    const server = await startServer();
    expect((await send(server, id, { query: { key: null }, text: '{' })).status).toBe(401);
    expect(await submissionsIn(server.store)).toEqual([]);
    expect(await leadsIn(server.store)).toEqual([]);
  });
});
