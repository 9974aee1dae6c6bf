/** A row gets what its lead would have got alone, whatever the other rows are. */
import { expect, test } from 'vitest';
import { rateLimit } from '../../../src/partners/rate-limit.ts';
import { post, send } from '../../harness/client.ts';
import {
  fieldsOf,
  maxBytesOf,
  operationOf,
  type ReceivedResponse,
  requestValue,
  responseExamples,
} from '../../harness/contract.ts';
import { testEveryExample } from '../../harness/examples.ts';
import { mobileOf } from '../../harness/mobile.ts';
import {
  addPartner,
  deliverDue,
  leadsIn,
  startServer,
  submissionsIn,
  type TestServer,
} from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';

const person = requestValue('addLead', 'accepted');
const sentBefore = responseExamples('addLeads', 200)['replayed']?.['x-request'];

interface Result {
  ref: string | null;
  outcome: string;
  status: number;
  body: unknown;
  lead_id: string | null;
  due_at: string | null;
}

function resultsOf({ json }: ReceivedResponse): Result[] {
  return Object(json).results;
}

function personAt(index: number): Record<string, unknown> {
  return { ...person, mobile: mobileOf(index) };
}

testEveryExample('addLeads', 200, {
  'too-many-leads': {
    arrange: async (server) => void (await server.store.setDailyQuota(server.partner, 1)),
  },
  replayed: { arrange: async (server) => void (await send(server, 'addLeads', sentBefore)) },
});

/** Bodies of leads with every kind of result, valid and invalid. */
const bodies: unknown[] = [
  personAt(0),
  { ...personAt(1), delays: '600', subtype: '', data: '{"a":1}' },
  { ...personAt(0), mobile: `+44 ${mobileOf(0).slice(3)}` },
  personAt(2),
  personAt(3),
  { ...personAt(4), type: 'nobody-has-this' },
  { ...personAt(5), test: true },
  { ...personAt(5), test: 'true', type: 'nobody-has-this' },
  { ...personAt(6), email: 'john', surname: null },
  { ...personAt(6), mobile: '0909 879 0000', delay: 1, __proto__: null, vehicle_make: { nested: [] } },
  JSON.parse(`{"__proto__":1,"email":${'['.repeat(5_000)}${']'.repeat(5_000)}}`),
  { ...personAt(7), data: JSON.stringify({ text: 'ä'.repeat(60_000) }), consent_text: '€'.repeat(5_000) },
  {},
  [],
  null,
  17,
  'text',
];

test('each row gets the outcome, status and body of its lead alone, byte for byte', async () => {
  const prepared = async () => {
    const server = await startServer();
    await server.store.addSuppressions([operatorEntry(mobileOf(2))]);
    await post(server, 'addLead', personAt(3));
    await deliverDue(server.store);
    return server;
  };
  const [alone, together] = [await prepared(), await prepared()];
  const rows = bodies.map((body, index) =>
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? { ref: `row ${index}`, ...body }
      : body,
  );
  const response = await post(together, 'addLeads', { leads: rows });
  for (const [index, body] of bodies.entries()) {
    const single = await post(alone, 'addLead', body);
    const result = resultsOf(response)[index];
    expect({ index, status: result?.status, outcome: result?.outcome }).toEqual({
      index,
      status: single.status,
      outcome: single.headers['lead-outcome'],
    });
    expect(response.text).toContain(`"status":${single.status},"body":${single.text},"lead_id":`);
    expect(typeof result?.lead_id).toBe(single.headers['lead-id'] === undefined ? 'object' : 'string');
    expect(result?.ref).toBe(Object(rows[index]).ref ?? null);
  }
  const accepted = resultsOf(response).filter(({ outcome }) => outcome === 'accepted');
  const leads = await leadsIn(together.store);
  for (const { lead_id: id, due_at: due } of accepted) {
    expect(new Date(leads.find((lead) => lead.id === id)?.dueAt ?? 0).toISOString()).toBe(due);
  }
  const contents = async (server: TestServer) =>
    (await submissionsIn(server.store))
      .map(({ content, outcome }) => [JSON.parse(content), outcome])
      .toSorted();
  expect(await contents(together)).toEqual(await contents(alone));
});

test('a row without a valid ref is rejected', async () => {
  const server = await startServer();
  const invalid: [unknown, string][] = [
    [undefined, 'Ref cannot be blank.'],
    [null, 'Ref cannot be blank.'],
    [' \u200b', 'Ref cannot be blank.'],
    [7, 'Ref must be a string.'],
    [{}, 'Ref must be a string.'],
    ['r'.repeat(65), 'Ref is too long (maximum is 64 characters).'],
  ];
  const rows = invalid.map(([ref], index) => ({ ...personAt(index), ref }));
  const leads = [...rows, { ...person, email: 'john' }, { ...personAt(10), ref: 'valid' }];
  const response = await post(server, 'addLeads', { leads });
  const results = resultsOf(response);
  for (const [index, [, message]] of invalid.entries()) {
    expect(results[index]).toMatchObject({ ref: null, status: 400, body: { ref: { 0: message } } });
  }
  expect(response.text).toContain(
    '"body":{"ref":{"0":"Ref cannot be blank."},"email":{"0":"Email is not a valid email address."}}',
  );
  expect(results.at(-1)?.outcome).toBe('accepted');
  expect(await leadsIn(server.store)).toHaveLength(1);
});

test('a row has the fields of a request to add a lead', () => {
  const { schema } = operationOf('addLeads').requestBody.content['application/json'] ?? {};
  const { properties, required } = Object(schema).properties.leads.items;
  const lead = Object(operationOf('addLead').requestBody.content['application/json']?.schema);
  const { ref: _, ...fields } = properties;
  expect(fields).toEqual(lead.properties);
  expect(Object.keys(fields)).toEqual(fieldsOf('addLead'));
  expect(required).toEqual(['ref', ...lead.required]);
});

test('a required consent applies to each row', async () => {
  const server = await startServer();
  await server.store.setConsentRequired(server.type, true);
  const [result] = resultsOf(await post(server, 'addLeads', { leads: [{ ...person, ref: 'a' }] }));
  expect(result?.body).toEqual({
    consent_text: { 0: 'Consent Text cannot be blank.' },
    consent_at: { 0: 'Consent At cannot be blank.' },
  });
});

test('calling hours apply to each row', async () => {
  const server = await startServer();
  const open = new Date(Date.now() + 2 * 24 * 3_600_000);
  const hours = `${['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][open.getUTCDay()]} 00:00-24:00`;
  await server.store.setCallingHours(server.type, { hours, zone: 'UTC', country: 'GB', holidays: [] });
  const [result] = resultsOf(await post(server, 'addLeads', { leads: [{ ...person, ref: 'a' }] }));
  expect(result?.due_at).toBe(`${open.toISOString().slice(0, 10)}T00:00:00.000Z`);
});

test('the daily quota applies to each row, and counts the accepted ones', async () => {
  const server = await startServer();
  await server.store.setDailyQuota(server.partner, 3);
  const leads = [0, 0, 1, 2].map((person, index) => ({ ...personAt(person), ref: `${index}` }));
  const outcomes = async () =>
    resultsOf(await post(server, 'addLeads', { leads })).map(({ outcome }) => outcome);
  expect(await outcomes()).toEqual(['accepted', 'already-scheduled', 'accepted', 'too-many-leads']);
  expect(await outcomes()).toEqual([
    'already-scheduled',
    'too-many-leads',
    'too-many-leads',
    'too-many-leads',
  ]);
  expect((await post(server, 'addLead', personAt(2))).status).toBe(200);
  expect((await post(server, 'addLead', personAt(3))).status).toBe(429);
});

test('the rate limit counts rows', async () => {
  const server = await startServer({ rateLimit: rateLimit(0.1, 5) });
  const request = (count: number) => ({
    leads: Array.from({ length: count }, (_, index) => ({ ...personAt(index), ref: `${index}` })),
  });
  const policy = '"default";q=5;w=50';
  const first = await post(server, 'addLeads', request(3));
  expect(first.headers).toMatchObject({ 'ratelimit-policy': policy, ratelimit: '"default";r=2;t=10' });
  const refused = await post(server, 'addLeads', request(4));
  expect(refused).toMatchObject({
    status: 429,
    headers: { 'retry-after': '30', 'lead-outcome': 'rate-limited' },
  });
  expect((await post(server, 'addLeads', request(1))).status).toBe(200);
  expect((await post(server, 'addLeads', request(6))).status).toBeOneOf([413, 429]);
});

test('large bodies in flight are limited per key, and in total', async () => {
  const lead = { ...person, ref: 'a', test: true };
  const text = JSON.stringify({ leads: [lead] });
  const total = await startServer({ bytesInFlight: 1_000 });
  expect((await send(total, 'addLeads', { text: text.padEnd(1_000) })).status).toBe(200);
  expect((await send(total, 'addLeads', { text: text.padEnd(1_001) })).status).toBe(503);
  const perKey = await startServer({ bytesInFlightPerKey: 1_000 });
  const refused = await send(perKey, 'addLeads', { text: text.padEnd(1_001) });
  expect(refused).toMatchObject({ status: 429, headers: { 'lead-outcome': 'too-many-in-flight' } });
  // The size of a chunked body is unknown.
  expect((await send(perKey, 'addLeads', { chunks: [text] })).status).toBe(429);
  const other = await addPartner(perKey, 'other');
  expect((await send(other, 'addLeads', { text })).status).toBe(200);
});

test('a replayed response is that to the first request, byte for byte, and nothing is added', async () => {
  const server = await startServer();
  const headers = { 'Idempotency-Key': 'k' };
  const rows = bodies.slice(0, 12).map((body, index) => ({ ref: `row ${index}`, ...Object(body) }));
  const first = await send(server, 'addLeads', { headers, body: { leads: rows } });
  const before = await submissionsIn(server.store);
  await deliverDue(server.store);
  const reordered = rows.map((row) => Object.fromEntries(Object.entries(row).toReversed()));
  const again = await send(server, 'addLeads', { headers, text: JSON.stringify({ leads: reordered }) });
  expect(again.text).toBe(first.text);
  expect(again.headers).toHaveProperty('idempotent-replayed', 'true');
  expect(await submissionsIn(server.store)).toHaveLength(before.length);
  const others = { leads: rows.map((row) => ({ ...row, ref: `${row.ref}!` })) };
  expect((await send(server, 'addLeads', { headers, body: others })).status).toBe(422);
});

test('adds 500 rows', async () => {
  const server = await startServer();
  const leads = Array.from({ length: 500 }, (_, index) => ({ ...personAt(index), ref: `${index}` }));
  const results = resultsOf(await post(server, 'addLeads', { leads }));
  expect(results.map(({ ref }) => ref)).toEqual(leads.map(({ ref }) => ref));
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['accepted']));
  expect(await leadsIn(server.store)).toHaveLength(500);
});

test('a row that is larger than a request to add a lead is rejected as such', async () => {
  expect(maxBytesOf('addLead')).toBeLessThan(maxBytesOf('addLeads'));
  const server = await startServer();
  const data = JSON.stringify({ text: '€'.repeat(65_000) });
  const [result] = resultsOf(await post(server, 'addLeads', { leads: [{ ...person, ref: 'a', data }] }));
  expect(result).toMatchObject({
    outcome: 'content-too-large',
    status: 413,
    body: { error: `The request body is larger than ${maxBytesOf('addLead')} bytes.` },
  });
});
