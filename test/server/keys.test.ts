/** Only a partner's own keys give access to its leads. */
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { digestOf, newKey } from '../../src/partners/key.ts';
import { openStore } from '../../src/store/open.ts';
import { post, send } from '../harness/client.ts';
import {
  operationIds,
  type ReceivedResponse,
  requestExamples,
  requestValue,
  responseValue,
} from '../harness/contract.ts';
import {
  addPartner,
  createKey,
  leadsIn,
  serve,
  startServer,
  submissionsIn,
  type TestServer,
} from '../harness/server.ts';
import { sharedStores } from '../store/stores.ts';

const person = requestValue('addLead', 'accepted');
const named = { mobile: person['mobile'], type: person['type'] };

let server: TestServer;
/** The lead that must not change. */
let before: unknown;

beforeEach(async () => {
  server = await startServer();
  await post(server, 'addLead', { ...person, delays: 600 });
  before = await leadsIn(server.store);
});

/** The headers that differ between any two responses. */
const varying = ['request-id', 'date'];

/** Everything by which a client could tell one response from another. */
function comparable({ status, headers, text }: ReceivedResponse) {
  return { status, text, headers: Object.entries(headers).filter(([name]) => !varying.includes(name)) };
}

/** Invalid keys by kind. */
const authFailures: Record<string, () => Promise<string>> = {
  unknown: async () => newKey(),
  revoked: async () => {
    const key = await createKey(server, 'revoked');
    await server.store.revokeKey('revoked');
    return key;
  },
  expired: async () => {
    const key = await createKey(server, 'old');
    await server.store.rotateKey('old', { id: 'new', digest: digestOf(newKey()), oldUntil: Date.now() - 1 });
    return key;
  },
  truncated: async () => server.key.slice(0, -1),
  'too long': async () => `${server.key}x`,
  'in capitals': async () => server.key.toUpperCase(),
  'its own digest': async () => digestOf(server.key),
  'a wildcard': async () => '%',
  SQL: async () => `' OR '1'='1`,
};

describe.each(operationIds())('%s', (id) => {
  test.each(Object.keys(authFailures))(
    'rejects a key that is %s without side effects or hints',
    async (kind) => {
      const key = await authFailures[kind]?.();
      const forUnknown = await send(await startServer(), id, { query: { key: newKey() } });
      expect(forUnknown.json).toEqual(responseValue(id, 401, 'unknown-key'));
      for (const request of [
        { query: { key: key ?? '' } },
        { query: { key: null }, headers: { Authorization: `Bearer ${key}` } },
      ]) {
        const response = await send(server, id, { ...request, body: id === 'addLead' ? person : named });
        expect(comparable(response)).toEqual(comparable(forUnknown));
      }
      expect(await leadsIn(server.store)).toEqual(before);
      expect(await submissionsIn(server.store)).toHaveLength(1);
    },
  );
});

test.each([
  ['a bearer token in another header', { 'X-Authorization': 'Bearer other' }],
  ['a bearer token in a header whose name is as long', { 'X-Credentials': 'Bearer other' }],
  ['another scheme whose credentials look like a bearer token', { Authorization: 'Basic Bearer other' }],
  ['the empty bearer token', { Authorization: 'Bearer' }],
])('ignores %s', async (_what, headers) => {
  expect((await send(server, 'leadStatus', { headers, body: named })).status).toBe(200);
});

test('reads a bearer token after several spaces, and without regard to case', async () => {
  const headers = { Authorization: `bEARER   ${server.key}` };
  expect((await send(server, 'leadStatus', { headers, query: { key: null }, body: named })).status).toBe(200);
});

test('hides a lead from another partner with the same type', async () => {
  const rival = await addPartner(server, 'rival');
  const responses = {
    addLead: await post(rival, 'addLead', person),
    cancelLead: await post(rival, 'cancelLead', named),
    leadStatus: await post(rival, 'leadStatus', named),
    addLeads: await post(rival, 'addLeads', { leads: [{ ref: 'one', ...person }] }),
  };
  expect(responses.addLead.json).toEqual(responseValue('addLead', 200, 'already-scheduled'));
  expect(responses.addLead.headers).not.toHaveProperty('lead-id');
  expect(responses.addLeads.json).toMatchObject({
    results: [{ outcome: 'already-scheduled', lead_id: null }],
  });
  expect(responses.cancelLead.json).toEqual(responseValue('cancelLead', 200, 'not-found'));
  expect(responses.leadStatus.json).toEqual(responseValue('leadStatus', 200, 'not-found'));
  expect(await leadsIn(server.store)).toEqual(before);
});

// People are shared by all partners of a type, and an objection applies to the leads of all partners.
const sharedByPartners: readonly string[] = ['addLead', 'addLeads', 'doNotCall'];
test.each(operationIds().filter((id) => !sharedByPartners.includes(id)))(
  'responds to %s by another partner with the same type as if there were no lead',
  async (id) => {
    const response = await send(await addPartner(server, 'rival'), id);
    const withoutLead = await send(await startServer(), id);
    expect([response.status, response.json]).toEqual([withoutLead.status, withoutLead.json]);
    expect(await leadsIn(server.store)).toEqual(before);
  },
);

test('hides the leads of a type from a partner without it', async () => {
  const rival = await addPartner(server, 'rival', []);
  expect((await post(rival, 'addLead', person)).json).toEqual(responseValue('addLead', 200, 'unknown-type'));
  expect((await post(rival, 'cancelLead', named)).json).toEqual(
    responseValue('cancelLead', 200, 'unknown-type'),
  );
  expect((await post(rival, 'leadStatus', named)).json).toEqual(
    responseValue('leadStatus', 200, 'not-found'),
  );
  expect(await leadsIn(server.store)).toEqual(before);
});

test('keeps the idempotency keys of partners apart', async () => {
  const rival = await addPartner(server, 'rival');
  const headers = { 'Idempotency-Key': 'the-same' };
  const body = { ...person, mobile: '07840258824' };
  await send(server, 'addLead', { headers, body });
  const response = await send(rival, 'addLead', { headers, body });
  expect(response.json).toEqual(responseValue('addLead', 200, 'already-scheduled'));
  expect(response.headers).not.toHaveProperty('idempotent-replayed');
});

test('stores only the digest of a key', () => {
  const bytes = ['', '-wal'].map((suffix) => readFileSync(`${server.file}${suffix}`, 'latin1')).join();
  expect(bytes).toContain(digestOf(server.key));
  expect(bytes).not.toContain(server.key);
});

test.each(sharedStores)(
  'applies revocations and grants on every server from the next request on: $name',
  async ({ newUrl }) => {
    const url = await newUrl();
    const first = await serve(await openStore(url));
    const second = { ...(await serve(await openStore(url), {}, first)), key: first.key };
    const body = Object.values(requestExamples('leadStatus'))[0]?.value;
    for (const each of [first, second]) expect((await post(each, 'leadStatus', body)).status).toBe(200);
    const untyped = { ...person, type: 'later' };
    expect((await post(second, 'addLead', untyped)).json).toEqual(
      responseValue('addLead', 200, 'unknown-type'),
    );
    await first.store.addType('later', null);
    await first.store.grantType(first.partner, 'later');
    expect((await post(second, 'addLead', untyped)).json).toEqual(responseValue('addLead', 200, 'accepted'));
    const [key] = await Array.fromAsync(first.store.keys(first.partner));
    await first.store.revokeKey(key?.id ?? '');
    for (const each of [first, second]) expect((await post(each, 'leadStatus', body)).status).toBe(401);
  },
);

test.each(sharedStores)(
  'rejects every key of a suspended or deleted partner on every server from the next request on: $name',
  async ({ newUrl }) => {
    const url = await newUrl();
    const first = await serve(await openStore(url));
    const second = { ...(await serve(await openStore(url), {}, first)), key: first.key };
    const other = await createKey(first, 'other');
    const rival = await addPartner(second, 'rival', []);
    const body = Object.values(requestExamples('leadStatus'))[0]?.value;
    const callers = [first, second, { ...first, key: other }, { ...second, key: other }];
    const statuses = async () =>
      Promise.all(callers.map(async (each) => (await post(each, 'leadStatus', body)).status));
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    await first.store.suspendPartner(first.partner);
    expect(await statuses()).toEqual([401, 401, 401, 401]);
    expect((await post(second, 'leadStatus', body)).json).toEqual(
      responseValue('leadStatus', 401, 'unknown-key'),
    );
    expect((await post(rival, 'leadStatus', body)).status).toBe(200);
    await first.store.resumePartner(first.partner);
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    await first.store.deletePartner(first.partner);
    expect(await statuses()).toEqual([401, 401, 401, 401]);
  },
);

test.each(sharedStores)(
  'applies renamed, retired and revoked types on every server from the next request on: $name',
  async ({ newUrl }) => {
    const url = await newUrl();
    const first = await serve(await openStore(url));
    const second = { ...(await serve(await openStore(url), {}, first)), key: first.key };
    const { store, partner } = first;
    await post(second, 'addLead', { ...person, delays: 600 });
    const add = async (type: string) =>
      (await post(second, 'addLead', { ...person, mobile: '07840258824', test: true, type })).json;
    const [passed, failed] = ['test', 'test-unknown-type'].map((name) => responseValue('addLead', 200, name));
    expect([await add(first.type), await add('renamed')]).toEqual([passed, failed]);
    await store.renameType(first.type, 'renamed');
    expect([await add(first.type), await add('renamed')]).toEqual([passed, passed]);
    await store.retireType('renamed');
    expect([await add(first.type), await add('renamed')]).toEqual([failed, failed]);
    await store.unretireType('renamed');
    expect([await add(first.type), await add('renamed')]).toEqual([passed, passed]);
    await store.revokeType(partner, 'renamed');
    expect([await add(first.type), await add('renamed')]).toEqual([failed, failed]);
    const cancelled = await post(second, 'cancelLead', { ...named, type: 'renamed' });
    expect(cancelled.json).toEqual(responseValue('cancelLead', 200, 'cancelled'));
  },
);
