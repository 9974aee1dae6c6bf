import { expect, test } from 'vitest';
import type { OperationId } from '../../../src/contract/reply.ts';
import { digestOf, newKey } from '../../../src/partners/key.ts';
import { send } from '../../harness/client.ts';
import { requestExamples } from '../../harness/contract.ts';
import { bringsEveryExample } from '../../harness/examples.ts';
import { leadsIn, startServer, type TestServer } from '../../harness/server.ts';

const headers = { 'Idempotency-Key': 'the-same' };

/** A key that is used for two requests must never give the one the answer of the other. */
export function refusesKeysUsedOtherwise(id: OperationId): void {
  const [first] = Object.values(requestExamples(id));
  // The cast: the lint holds a request example to its schema, which is an object's.
  const body = first?.value as Record<string, unknown>;
  const other = { ...body, mobile: '07840258824' };
  const sendOther = (server: TestServer) => send(server, id, { headers, body: other });

  bringsEveryExample(id, 422, {
    'idempotency-key-reused': {
      arrange: async (server) => void (await send(server, id, { headers })),
      send: sendOther,
    },
  });

  test('a key that was used for another operation is used otherwise', async () => {
    const server = await startServer();
    await send(server, id === 'addLead' ? 'cancelLead' : 'addLead', { headers });
    const before = await leadsIn(server.store);
    expect((await send(server, id, { headers })).status).toBe(422);
    expect(await leadsIn(server.store)).toEqual(before);
  });

  test('the same fields in another order and layout are the same request', async () => {
    const server = await startServer();
    await send(server, id, { headers });
    const text = JSON.stringify(Object.fromEntries(Object.entries(body).toReversed()), null, 2);
    const again = await send(server, id, { headers, text });
    expect(again.headers).toHaveProperty('idempotent-replayed', 'true');
  });

  test('the key in quotes is the same key', async () => {
    const server = await startServer();
    await send(server, id, { headers: { 'Idempotency-Key': String.raw`say "\hi"` } });
    const quoted = { 'Idempotency-Key': String.raw`"say \"\\hi\""` };
    expect((await send(server, id, { headers: quoted, body: other })).status).toBe(422);
    expect((await send(server, id, { headers: quoted })).headers).toHaveProperty('idempotent-replayed');
  });

  test('the key counts for its partner, whichever of the partner’s API keys sends', async () => {
    const server = await startServer();
    const [second, strangers] = [newKey(), newKey()];
    await server.store.addKey(server.partner, 'second', digestOf(second));
    await server.store.addPartner('stranger', [server.type]);
    await server.store.addKey('stranger', 'third', digestOf(strangers));
    await send(server, id, { headers });
    expect((await send({ ...server, key: second }, id, { headers })).headers).toHaveProperty(
      'idempotent-replayed',
    );
    expect((await sendOther({ ...server, key: strangers })).status).toBe(200);
  });

  test('what failed to be understood leaves the key free', async () => {
    const server = await startServer();
    expect((await send(server, id, { headers, body: {} })).status).toBe(400);
    const run = await send(server, id, { headers });
    expect(run.status).toBe(200);
    expect(run.headers).not.toHaveProperty('idempotent-replayed');
  });

  test.each(['a', `${'k'.repeat(255)}`, `"${'k'.repeat(255)}"`, 'a b ~!'])(
    'the key %o is taken',
    async (key) => {
      const server = await startServer();
      expect((await send(server, id, { headers: { 'Idempotency-Key': key } })).status).toBe(200);
    },
  );

  test.each(['k'.repeat(256), `"${'k'.repeat(256)}"`, '"', '""', '"a', '"a"b', String.raw`"a\b"`, 'ä'])(
    'the key %o is refused, and nothing is done',
    async (key) => {
      const server = await startServer();
      const run = await send(server, id, { headers: { 'Idempotency-Key': key } });
      expect(run.status).toBe(400);
      expect(Object.keys(Object(run.json))).toEqual(['Idempotency-Key']);
      expect(await leadsIn(server.store)).toEqual([]);
    },
  );
}
