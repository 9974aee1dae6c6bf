/** A partner's code compares these bodies whole, and acts on them: they decide who is called, and when. */
import { expect, test } from 'vitest';
import { post, send } from '../../harness/client.ts';
import { requestValue, responseExamples, responseValue } from '../../harness/contract.ts';
import { dispatch, untilAll, webhookTo } from '../../harness/dispatch.ts';
import { testEveryExample } from '../../harness/examples.ts';
import { run } from '../../harness/process.ts';
import { startReceiver } from '../../harness/receiver.ts';
import { dialDue, leadsIn, startServer, submissionsIn, type TestServer } from '../../harness/server.ts';

const person = requestValue('addLead', 'accepted');
const sentBefore = responseExamples('addLead', 200)['replayed']?.['x-request'];

async function addAccepted(server: TestServer): Promise<void> {
  await post(server, 'addLead', person);
}

testEveryExample('addLead', 200, {
  'existing-contact': {
    arrange: async (server) => {
      await addAccepted(server);
      await dialDue(server.store);
    },
  },
  'already-scheduled': { arrange: addAccepted },
  replayed: { arrange: async (server) => void (await send(server, 'addLead', sentBefore)) },
});

test('the answer to a repeated request is the first one to the byte, marked, and nothing is done', async () => {
  const server = await startServer();
  const first = await send(server, 'addLead', sentBefore);
  await dialDue(server.store);
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

test('a test keeps nothing under its idempotency key', async () => {
  const server = await startServer();
  const headers = { 'Idempotency-Key': 'the-same' };
  await send(server, 'addLead', { headers, body: { ...person, test: true } });
  const run = await send(server, 'addLead', { headers, body: person });
  expect(run.json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test('an accepted lead is scheduled for now, for its person and type', async () => {
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

test.each([600, '600', 600.0, '0600'])('a delay of %o puts the call off by 600 seconds', async (delays) => {
  const server = await startServer();
  const before = Date.now();
  await post(server, 'addLead', { ...person, delays });
  const [lead] = await leadsIn(server.store);
  expect(lead?.dueAt).toBeGreaterThanOrEqual(before + 600_000);
  expect(lead?.dueAt).toBeLessThanOrEqual(Date.now() + 600_000);
});

test.each([0, 31_536_000])('the delay %i, at the edge of what is allowed, is taken', async (delays) => {
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
  ['delays', ''],
  ['delays', '  '],
  ['test', null],
  ['test', ''],
  ['test', ' '],
  ['test', false],
  ['test', 'false'],
])('a blank %s (%o) counts as absent', async (field, value) => {
  const server = await startServer();
  const { json } = await post(server, 'addLead', { ...person, [field]: value });
  expect(json).toEqual(responseValue('addLead', 200, 'accepted'));
});

test.each(['{"a":1}', '[0]', ' [null] ', '{"":{}}', `${'['.repeat(31)}[0]${']'.repeat(31)}`])(
  'data may be %s',
  async (data) => {
    const server = await startServer();
    const { json } = await post(server, 'addLead', { ...person, data });
    expect(json).toEqual(responseValue('addLead', 200, 'accepted'));
  },
);

test('what was sent is kept to the letter, the spelling of the number and odd characters included', async () => {
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

test('a submission is saved whatever becomes of it', async () => {
  const server = await startServer();
  await post(server, 'addLead', person);
  await post(server, 'addLead', person);
  await post(server, 'addLead', { ...person, type: 'nobody-has-this' });
  const outcomes = (await submissionsIn(server.store)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual(['unknown-type', 'already-scheduled', 'accepted']);
});

test.each([true, 'true'])('a test (%o) saves nothing', async (flag) => {
  const server = await startServer();
  await post(server, 'addLead', { ...person, test: flag });
  await post(server, 'addLead', { ...person, type: 'nobody-has-this', test: flag });
  expect(await submissionsIn(server.store)).toEqual([]);
  expect(await leadsIn(server.store)).toEqual([]);
});

test('a test passes for a person who could not be added, since it looks at no other lead', async () => {
  const server = await startServer();
  await post(server, 'addLead', person);
  const { json } = await post(server, 'addLead', { ...person, test: true });
  expect(json).toEqual(responseValue('addLead', 200, 'test'));
});

test('a type that exists and is not granted to the partner is unknown to it', async () => {
  const server = await startServer();
  await server.store.addType('home-insurance', null);
  const { json } = await post(server, 'addLead', { ...person, type: 'home-insurance' });
  expect(json).toEqual(responseValue('addLead', 200, 'unknown-type'));
});

test('a key may be sent as a bearer token, alone or beside the same key in the address', async () => {
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
  'the media type may be written %s',
  async (type) => {
    const server = await startServer();
    const body = { ...person, test: true };
    expect((await send(server, 'addLead', { headers: { 'Content-Type': type }, body })).json).toEqual(
      responseValue('addLead', 200, 'test'),
    );
  },
);

test('a lead with a byte order mark before its JSON is saved without it, listed and delivered', async () => {
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

test('a test with a byte order mark before its JSON passes', async () => {
  const server = await startServer();
  const text = `\ufeff${JSON.stringify({ ...person, test: true })}`;
  expect((await send(server, 'addLead', { text })).json).toEqual(responseValue('addLead', 200, 'test'));
});

test('every answer has a Request-Id of its own', async () => {
  const server = await startServer();
  const ids = new Set<string | undefined>();
  for (let count = 0; count < 3; count += 1) ids.add((await send(server, 'addLead')).headers['request-id']);
  expect(ids.size).toBe(3);
});
