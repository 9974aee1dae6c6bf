/** Partners compare these bodies as a whole and act on them: they decide who is called, and when. */
import { expect, test } from 'vitest';
import { bodySchema, readContract } from '../../../src/contract/contract.ts';
import { post, send } from '../../harness/client.ts';
import { requestValue, responseExamples, responseValue } from '../../harness/contract.ts';
import { dispatch, untilAll, webhookTo } from '../../harness/dispatch.ts';
import { testEveryExample } from '../../harness/examples.ts';
import { run } from '../../harness/process.ts';
import { startReceiver } from '../../harness/receiver.ts';
import { deliverDue, leadsIn, startServer, submissionsIn, type TestServer } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';

const person = requestValue('addLead', 'accepted');
const sentBefore = responseExamples('addLead', 200)['replayed']?.['x-request'];

async function addAccepted(server: TestServer): Promise<void> {
  await post(server, 'addLead', person);
}

async function objected({ store }: TestServer): Promise<void> {
  await store.addSuppressions([operatorEntry('+447840258823')]);
}

testEveryExample('addLead', 200, {
  'existing-contact': {
    arrange: async (server) => {
      await addAccepted(server);
      await deliverDue(server.store);
    },
  },
  'already-scheduled': { arrange: addAccepted },
  'do-not-call': { arrange: objected },
  replayed: { arrange: async (server) => void (await send(server, 'addLead', sentBefore)) },
});

test('replays the first response byte for byte, marks it, and changes nothing', async () => {
  const server = await startServer();
  const first = await send(server, 'addLead', sentBefore);
  await deliverDue(server.store);
  const again = await send(server, 'addLead', sentBefore);
  expect(again.text).toBe(first.text);
  expect(again.headers).toMatchObject({
    'idempotent-replayed': 'true',
    'lead-id': first.headers['lead-id'],
    'lead-due': first.headers['lead-due'],
  });
  expect(again.headers['request-id']).not.toBe(first.headers['request-id']);
  expect(await submissionsIn(server.store)).toHaveLength(1);
});

test.each([
  ['existing-contact', deliverDue],
  ['already-scheduled', async () => {}],
] as const)('repeats the outcome %s in the replayed response', async (outcome, arrange) => {
  const server = await startServer();
  await addAccepted(server);
  await arrange(server.store);
  const first = await send(server, 'addLead', sentBefore);
  await post(server, 'cancelLead', { mobile: person['mobile'], type: person['type'] });
  const again = await send(server, 'addLead', sentBefore);
  expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', 'lead-outcome': outcome });
  expect(again.text).toBe(first.text);
});

test('stores no idempotency record for a test', async () => {
  const server = await startServer();
  const headers = { 'Idempotency-Key': 'the-same' };
  await send(server, 'addLead', { headers, body: { ...person, test: true } });
  const run = await send(server, 'addLead', { headers, body: person });
  expect(run.json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test('schedules an accepted lead for now', async () => {
  const server = await startServer();
  const before = Date.now();
  await post(server, 'addLead', person);
  const [lead] = await leadsIn(server.store);
  expect(lead).toMatchObject({
    state: 'scheduled',
    mobile: '+447840258823',
    type: server.type,
    partner: server.partner,
  });
  expect(lead?.dueAt).toBeGreaterThanOrEqual(before);
  expect(lead?.dueAt).toBeLessThanOrEqual(Date.now());
});

test.each([600, '600', 600.0, '0600'])('delays the call by 600 seconds for %o', async (delays) => {
  const server = await startServer();
  const before = Date.now();
  await post(server, 'addLead', { ...person, delays });
  const [lead] = await leadsIn(server.store);
  expect(lead?.dueAt).toBeGreaterThanOrEqual(before + 600_000);
  expect(lead?.dueAt).toBeLessThanOrEqual(Date.now() + 600_000);
});

test('schedules the call for the time that was sent, with its expiry and priority', async () => {
  const server = await startServer();
  const [callAt, expiresAt] = [Date.now() + 3_600_500, Date.now() + 7_200_000];
  const times = { call_at: new Date(callAt).toISOString(), expires_at: new Date(expiresAt).toISOString() };
  const { headers } = await post(server, 'addLead', { ...person, ...times, priority: '7' });
  expect(headers['lead-due']).toBe(times.call_at);
  expect(await leadsIn(server.store)).toMatchObject([{ dueAt: callAt, expiresAt, priority: 7 }]);
  const { json } = await post(server, 'leadStatus', { mobile: person['mobile'], type: person['type'] });
  expect(json).toMatchObject({ due_at: times.call_at, expires_at: times.expires_at, priority: 7 });
});

test('limits the priority to the maximum of the partner', async () => {
  const server = await startServer();
  await server.store.setMaxPriority(server.partner, 3);
  await post(server, 'addLead', { ...person, priority: 7 });
  await post(server, 'addLead', { ...person, mobile: '07840258824', priority: 2 });
  expect((await leadsIn(server.store)).map(({ priority }) => priority)).toEqual([2, 3]);
});

test.each([0, 31_536_000])('accepts the delay %i at the limit', async (delays) => {
  const server = await startServer();
  const { json } = await post(server, 'addLead', { ...person, delays });
  expect(json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test.each([
  ['subtype', null],
  ['subtype', ' '.repeat(200)],
  ['subtype', '\u200b\u{e0041}'],
  ['other_phone', ''],
  ['other_phone', '\u3164'],
  ['delays', '\u200b'],
  ['test', '\u0000'],
  ['other_phone', ' \t '],
  ['delays', null],
  ['call_at', ' '],
  ['expires_at', null],
  ['priority', ''],
  ['delays', ''],
  ['delays', '  '],
  ['test', null],
  ['test', ''],
  ['test', ' '],
  ['test', false],
  ['test', 'false'],
  ['consent_text', ' '],
  ['consent_at', ''],
  ['consent_url', '\u200b'],
  ['consent_ip', null],
])('treats a blank %s (%o) as missing', async (field, value) => {
  const server = await startServer();
  const { json } = await post(server, 'addLead', { ...person, [field]: value });
  expect(json).toEqual(responseValue('addLead', 200, 'accepted'));
  // Without delays, the lead is due when it is added.
  const [lead] = await leadsIn(server.store);
  expect(lead?.dueAt).toBe(lead?.acceptedAt);
});

test('treats null in every optional field except data as missing', async () => {
  const server = await startServer();
  const { document, operations } = readContract();
  const addLead = operations.find(({ id }) => id === 'addLead');
  const { properties, required = [] } = bodySchema(document, addLead ?? expect.fail('no operation addLead'));
  const optional = Object.keys(properties).filter((name) => !required.includes(name) && name !== 'data');
  expect(optional).toContain('subtype');
  const body = { ...person, ...Object.fromEntries(optional.map((name) => [name, null])) };
  const { json } = await post(server, 'addLead', body);
  expect(json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test.each(['{"a":1}', '[0]', ' [null] ', '{"":{}}', `${'['.repeat(31)}[0]${']'.repeat(31)}`])(
  'accepts the data %s',
  async (data) => {
    const server = await startServer();
    const { json } = await post(server, 'addLead', { ...person, data });
    expect(json).toEqual(responseValue('addLead', 200, 'accepted'));
  },
);

test('stores the body exactly as it was sent', async () => {
  const server = await startServer();
  const fields = {
    ...person,
    first_name: 'Zoë \u0000\ud800 😀',
    mobile: '0044 7840-258823',
  };
  const sent = JSON.stringify(fields, null, 2);
  await send(server, 'addLead', { text: sent });
  const [submission] = await submissionsIn(server.store);
  expect(submission?.content).toBe(sent);
  expect(submission?.mobile).toBe('+447840258823');
});

test('saves a submission whatever its outcome', async () => {
  const server = await startServer();
  await post(server, 'addLead', person);
  await post(server, 'addLead', person);
  await post(server, 'addLead', { ...person, type: 'nobody-has-this' });
  const outcomes = (await submissionsIn(server.store)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['unknown-type', 'already-scheduled', 'accepted']);
});

test.each([true, 'true'])('saves nothing for a test (%o)', async (flag) => {
  const server = await startServer();
  await post(server, 'addLead', { ...person, test: flag });
  await post(server, 'addLead', { ...person, type: 'nobody-has-this', test: flag });
  expect(await submissionsIn(server.store)).toEqual([]);
  expect(await leadsIn(server.store)).toEqual([]);
});

test('passes a test without regard to other leads', async () => {
  const server = await startServer();
  await post(server, 'addLead', person);
  const { json } = await post(server, 'addLead', { ...person, test: true });
  expect(json).toEqual(responseValue('addLead', 200, 'test'));
});

test('passes a test of a person who does not want calls', async () => {
  const server = await startServer();
  await objected(server);
  const { json } = await post(server, 'addLead', { ...person, test: true });
  expect(json).toEqual(responseValue('addLead', 200, 'test'));
});

test('treats a type that is not granted to the partner as unknown', async () => {
  const server = await startServer();
  await server.store.addType('home-insurance', null);
  const { json } = await post(server, 'addLead', { ...person, type: 'home-insurance' });
  expect(json).toEqual(responseValue('addLead', 200, 'unknown-type'));
});

test('accepts a key as a bearer token, alone or together with the same key in the URL', async () => {
  const server = await startServer();
  const headers = { Authorization: `bearer ${server.key}` };
  const body = { ...person, test: true };
  expect((await send(server, 'addLead', { query: { key: null }, headers, body })).json).toEqual(
    responseValue('addLead', 200, 'test'),
  );
  expect((await send(server, 'addLead', { headers, body })).json).toEqual(
    responseValue('addLead', 200, 'test'),
  );
});

test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8'])(
  'accepts the media type %s',
  async (type) => {
    const server = await startServer();
    const body = { ...person, test: true };
    expect((await send(server, 'addLead', { headers: { 'Content-Type': type }, body })).json).toEqual(
      responseValue('addLead', 200, 'test'),
    );
  },
);

test('accepts a body with a byte order mark and removes the mark', async () => {
  const server = await startServer();
  const text = `\ufeff${JSON.stringify(person)}`;
  expect((await send(server, 'addLead', { text })).json).toEqual(responseValue('addLead', 200, 'accepted'));
  const [submission] = await submissionsIn(server.store);
  expect(submission?.content).toBe(JSON.stringify(person));
  const environment = { DATABASE_URL: `sqlite:${server.file}` };
  for (const words of [['due'], ['due', '--json'], ['submission', 'list', '--json']]) {
    const { code, stdout } = await run('src/cli.ts', words, environment);
    expect({ words, code }).toEqual({ words, code: 0 });
    expect(stdout).toContain(words.includes('--json') ? JSON.stringify(person).slice(1, -1) : 'John Doe');
  }
  const receiver = await startReceiver();
  dispatch(server.store, webhookTo(receiver.url));
  await untilAll(server.store, 'dialled');
  expect(receiver.received.map(({ body }) => JSON.parse(body).data.submitted)).toEqual([person]);
});

test('passes a test with a byte order mark', async () => {
  const server = await startServer();
  const text = `\ufeff${JSON.stringify({ ...person, test: true })}`;
  expect((await send(server, 'addLead', { text })).json).toEqual(responseValue('addLead', 200, 'test'));
});

test('returns a unique Request-Id with every response', async () => {
  const server = await startServer();
  const ids = new Set<string | undefined>();
  for (let count = 0; count < 3; count += 1) ids.add((await send(server, 'addLead')).headers['request-id']);
  expect(ids.size).toBe(3);
});
