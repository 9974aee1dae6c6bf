/** An idempotency key that is used for two different requests must not replay one's response to the other. */
import { describe, expect, test } from 'vitest';
import { send } from '../harness/client.ts';
import { defaultBody, operationsWith } from '../harness/contract.ts';
import { testEveryExample } from '../harness/examples.ts';
import { addPartner, createKey, leadsIn, startServer, type TestServer } from '../harness/server.ts';

const headers = { 'Idempotency-Key': 'the-same' };

describe.each(operationsWith(422))('%s', (id) => {
  const body = defaultBody(id);
  const other =
    'leads' in body ? { leads: [body['leads']].flat().slice(1) } : { ...body, mobile: '07840258824' };
  const sendOther = (server: TestServer) => send(server, id, { headers, body: other });

  testEveryExample(id, 422, {
    'idempotency-key-reused': {
      arrange: async (server) => void (await send(server, id, { headers })),
      send: sendOther,
    },
  });

  test.each(operationsWith(422).filter((used) => used !== id))(
    'rejects a key that was used for %s',
    async (used) => {
      const server = await startServer();
      await send(server, used, { headers });
      const before = await leadsIn(server.store);
      expect((await send(server, id, { headers })).status).toBe(422);
      expect(await leadsIn(server.store)).toEqual(before);
    },
  );

  test('replays the response to the same fields in another order and layout', async () => {
    const server = await startServer();
    await send(server, id, { headers });
    const text = JSON.stringify(Object.fromEntries(Object.entries(body).toReversed()), null, 2);
    const again = await send(server, id, { headers, text });
    expect(again.headers).toHaveProperty('idempotent-replayed', 'true');
  });

  test('treats a quoted key as the same key', async () => {
    const server = await startServer();
    await send(server, id, { headers: { 'Idempotency-Key': String.raw`say "\hi"` } });
    const quoted = { 'Idempotency-Key': String.raw`"say \"\\hi\""` };
    expect((await send(server, id, { headers: quoted, body: other })).status).toBe(422);
    expect((await send(server, id, { headers: quoted })).headers).toHaveProperty('idempotent-replayed');
  });

  test('shares idempotency keys between the API keys of a partner, and with no other partner', async () => {
    const server = await startServer();
    const second = await createKey(server, 'second');
    await send(server, id, { headers });
    expect((await send({ ...server, key: second }, id, { headers })).headers).toHaveProperty(
      'idempotent-replayed',
    );
    expect((await sendOther(await addPartner(server, 'other'))).status).toBe(200);
  });

  test('accepts the key again after 400', async () => {
    const server = await startServer();
    expect((await send(server, id, { headers, body: {} })).status).toBe(400);
    const response = await send(server, id, { headers });
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('idempotent-replayed');
  });

  test.each(['a', `${'k'.repeat(255)}`, `"${'k'.repeat(255)}"`, 'a b ~!'])(
    'accepts the key %o',
    async (key) => {
      const server = await startServer();
      expect((await send(server, id, { headers: { 'Idempotency-Key': key } })).status).toBe(200);
    },
  );

  test.each(['k'.repeat(256), `"${'k'.repeat(256)}"`, '"', '""', '"a', '"a"b', String.raw`"a\b"`, 'ä'])(
    'rejects the key %o and changes nothing',
    async (key) => {
      const server = await startServer();
      const response = await send(server, id, { headers: { 'Idempotency-Key': key } });
      expect(response.status).toBe(400);
      expect(Object.keys(Object(response.json))).toEqual(['Idempotency-Key']);
      expect(await leadsIn(server.store)).toEqual([]);
    },
  );
});
