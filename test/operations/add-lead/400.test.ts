/** A partner fixes a request by its validation errors, so they cover every field, and nothing is saved. */
import { describe, expect, test } from 'vitest';
import { post, send } from '../../harness/client.ts';
import { fieldsOf, requestValue, responseValue } from '../../harness/contract.ts';
import { leadsIn, startServer, submissionsIn } from '../../harness/server.ts';

const valid = requestValue('addLead', 'accepted');

/** Returns a time that differs from now by minutes, as partners send it. */
function fromNow(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString();
}

/** Invalid values with their messages. */
const invalid: [field: string, value: unknown, message: string][] = [
  ['email', undefined, 'Email cannot be blank.'],
  ['email', null, 'Email cannot be blank.'],
  ['email', '', 'Email cannot be blank.'],
  ['email', ' \n ', 'Email cannot be blank.'],
  ['email', 'john@', 'Email is not a valid email address.'],
  ['email', 'john doe@test.com', 'Email is not a valid email address.'],
  ['email', {}, 'Email must be a string.'],
  ['first_name', 5, 'First Name must be a string.'],
  ['first_name', ['John'], 'First Name must be a string.'],
  ['surname', 'd'.repeat(101), 'Surname is too long (maximum is 100 characters).'],
  ['surname', ' '.repeat(101), 'Surname cannot be blank.'],
  ['surname', '\u200b'.repeat(101), 'Surname cannot be blank.'],
  ['first_name', '\u0000', 'First Name cannot be blank.'],
  ['first_name', '\u3164\u115f\u1160\uffa0', 'First Name cannot be blank.'],
  ['first_name', '\u2800 \u00ad', 'First Name cannot be blank.'],
  ['first_name', '\u{e0041}', 'First Name cannot be blank.'],
  ['first_name', '\ud800', 'First Name cannot be blank.'],
  ['email', '\u200b', 'Email cannot be blank.'],
  ['mobile', '\u202e', 'Mobile cannot be blank.'],
  ['type', '\u2060', 'Type cannot be blank.'],
  ['mobile', '', 'Mobile cannot be blank.'],
  ['mobile', '0784025882', 'Mobile is not a valid phone number.'],
  ['mobile', '07840258823 ext 5', 'Mobile is not a valid phone number.'],
  ['mobile', 'call 07840258823', 'Mobile is not a valid phone number.'],
  ['mobile', `${'0'.repeat(50_000)}7840258823`, 'Mobile is not a valid phone number.'],
  ['type', false, 'Type must be a string.'],
  ['type', 't'.repeat(65), 'Type is too long (maximum is 64 characters).'],
  ['subtype', 'v'.repeat(65), 'Subtype is too long (maximum is 64 characters).'],
  ['subtype', 7, 'Subtype must be a string.'],
  ['postcode', 'A'.repeat(17), 'Postcode is too long (maximum is 16 characters).'],
  ['postcode', 90210, 'Postcode must be a string.'],
  ['time_zone', 'Europe/Londn', 'Time Zone is not a valid time zone.'],
  ['time_zone', '+01:00', 'Time Zone is not a valid time zone.'],
  ['time_zone', 1, 'Time Zone must be a string.'],
  ['other_phone', '12', 'Other Phone is not a valid phone number.'],
  ['other_phone', 7840258823, 'Other Phone must be a string.'],
  ['data', null, 'Empty or invalid content of `data` field'],
  ['data', '\u200b', 'Empty or invalid content of `data` field'],
  ['data', '   ', 'Empty or invalid content of `data` field'],
  ['data', '{}', 'Empty or invalid content of `data` field'],
  ['data', '[]', 'Empty or invalid content of `data` field'],
  ['data', '"text"', 'Empty or invalid content of `data` field'],
  ['data', '7', 'Empty or invalid content of `data` field'],
  ['data', 'null', 'Empty or invalid content of `data` field'],
  ['data', ['a'], 'Empty or invalid content of `data` field'],
  ['data', `${'['.repeat(33)}0${']'.repeat(33)}`, 'Empty or invalid content of `data` field'],
  ['data', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'Empty or invalid content of `data` field'],
  ['data', JSON.stringify({ a: 'x'.repeat(65_536) }), 'Data is too long (maximum is 65536 characters).'],
  ['delays', true, 'Delays must be a number.'],
  ['delays', '-1', 'Delays must be a number.'],
  ['delays', '1.5', 'Delays must be a number.'],
  ['delays', '0x10', 'Delays must be a number.'],
  ['delays', {}, 'Delays must be a number.'],
  ['delays', 0.5, 'Delays must be an integer.'],
  ['delays', -1, 'Delays is too small (minimum is 0).'],
  ['delays', 31_536_001, 'Delays is too big (maximum is 31536000).'],
  ['delays', '9'.repeat(400), 'Delays is too big (maximum is 31536000).'],
  ['call_at', 5, 'Call At must be a string.'],
  ['call_at', '2026-11-30', 'Call At is not a valid date and time.'],
  ['call_at', '2016-12-31T23:59:60Z', 'Call At is not a valid date and time.'],
  ['call_at', '2020-01-01T00:00:00Z', 'Call At cannot be in the past.'],
  ['call_at', fromNow(-6), 'Call At cannot be in the past.'],
  ['call_at', fromNow(365 * 24 * 60 + 6), 'Call At is too late (maximum is one year from now).'],
  ['expires_at', true, 'Expires At must be a string.'],
  ['expires_at', 'tomorrow', 'Expires At is not a valid date and time.'],
  ['expires_at', '2020-01-01T00:00:00Z', 'Expires At cannot be in the past.'],
  ['expires_at', '2999-01-01T00:00:00Z', 'Expires At is too late (maximum is one year from now).'],
  ['expires_at', fromNow(-1), 'Expires At must be later than the time of the call.'],
  ['priority', 10, 'Priority is too big (maximum is 9).'],
  ['priority', '10', 'Priority is too big (maximum is 9).'],
  ['priority', -1, 'Priority is too small (minimum is 0).'],
  ['priority', 1.5, 'Priority must be an integer.'],
  ['priority', 'high', 'Priority must be a number.'],
  ['priority', true, 'Priority must be a number.'],
  ['test', 1, 'Test must be either true or "true".'],
  ['test', 'TRUE', 'Test must be either true or "true".'],
  ['test', [], 'Test must be either true or "true".'],
  ['consent_text', 5, 'Consent Text must be a string.'],
  ['consent_text', 'c'.repeat(5_001), 'Consent Text is too long (maximum is 5000 characters).'],
  ['consent_at', 1_795_424_403, 'Consent At must be a string.'],
  ['consent_at', '2026-11-23', 'Consent At is not a valid date and time.'],
  ['consent_at', '2026-11-23T09:00:03', 'Consent At is not a valid date and time.'],
  ['consent_at', '2026-02-30T09:00:03Z', 'Consent At is not a valid date and time.'],
  ['consent_at', 'yesterday', 'Consent At is not a valid date and time.'],
  ['consent_at', '2999-01-01T00:00:00Z', 'Consent At cannot be in the future.'],
  ['consent_at', '1970-01-01T00:00:00Z', 'Consent At is too early (minimum is 2000-01-01).'],
  ['consent_url', 'cars.example/quote', 'Consent Url is not a valid URL.'],
  ['consent_url', 'javascript:alert(1)', 'Consent Url is not a valid URL.'],
  ['consent_url', 'https://', 'Consent Url is not a valid URL.'],
  [
    'consent_url',
    `https://cars.example/${'q'.repeat(2_048)}`,
    'Consent Url is too long (maximum is 2048 characters).',
  ],
  ['consent_ip', '198.51.100', 'Consent Ip is not a valid IP address.'],
  ['consent_ip', '198.51.100.24:443', 'Consent Ip is not a valid IP address.'],
  ['consent_ip', 'fe80::1%eth0', 'Consent Ip is not a valid IP address.'],
  ['consent_user_agent', 'u'.repeat(1_001), 'Consent User Agent is too long (maximum is 1000 characters).'],
  ['consent_certificate', 'TrustedForm', 'Consent Certificate is not a valid URL.'],
  ['consent_caller', 'c'.repeat(201), 'Consent Caller is too long (maximum is 200 characters).'],
];

test('rejects each invalid value with the message of its rule', async () => {
  const server = await startServer();
  for (const [field, value, message] of invalid) {
    const { status, json } = await post(server, 'addLead', { ...valid, [field]: value });
    expect({ field, value, status, json }).toEqual({
      field,
      value,
      status: 400,
      json: { [field]: { 0: message } },
    });
  }
  expect(await submissionsIn(server.store)).toEqual([]);
  expect(await leadsIn(server.store)).toEqual([]);
});

test('reports a number too big for a double as too big', async () => {
  const server = await startServer();
  const text = JSON.stringify({ ...valid, delays: 0 }).replace('"delays":0', '"delays":1e999');
  expect((await send(server, 'addLead', { text })).json).toEqual({
    delays: { 0: 'Delays is too big (maximum is 31536000).' },
  });
});

test('returns two messages for a field that breaks two rules', async () => {
  const server = await startServer();
  const { json } = await post(server, 'addLead', { ...valid, email: `john.doe.${'x'.repeat(254)}` });
  expect(json).toEqual({
    email: { 0: 'Email is not a valid email address.', 1: 'Email is too long (maximum is 254 characters).' },
  });
});

describe('the time of a call', () => {
  const combined = { call_at: { 0: 'Call At cannot be combined with Delays.' } };
  const tooEarly = { expires_at: { 0: 'Expires At must be later than the time of the call.' } };

  test.each([
    [{ call_at: fromNow(60), delays: 600 }, combined],
    [{ call_at: fromNow(60), delays: '0' }, combined],
    [
      { call_at: fromNow(60), delays: 0, expires_at: fromNow(30) },
      { ...combined, ...tooEarly },
    ],
    [{ call_at: fromNow(60), expires_at: fromNow(60) }, tooEarly],
    [{ delays: 7_200, expires_at: fromNow(60) }, tooEarly],
    [{ call_at: 'x', expires_at: fromNow(60) }, { call_at: { 0: 'Call At is not a valid date and time.' } }],
  ])('rejects a combination of times that cannot be met (case %#)', async (fields, errors) => {
    const server = await startServer();
    for (const flags of [{}, { test: true }]) {
      const { status, json } = await post(server, 'addLead', { ...valid, ...fields, ...flags });
      expect({ status, json }).toEqual({ status: 400, json: errors });
    }
  });

  test.each([
    { call_at: fromNow(60), delays: ' ' },
    { call_at: '', delays: 600, expires_at: fromNow(60) },
    { call_at: fromNow(-1), expires_at: fromNow(1), priority: '9' },
    { call_at: fromNow(60).replace('Z', '+00:00'), expires_at: fromNow(61), priority: 0 },
  ])('accepts any other combination (case %#)', async (fields) => {
    const server = await startServer();
    const { json } = await post(server, 'addLead', { ...valid, ...fields });
    expect(json).toEqual({ saved: true, processed: true });
  });
});

describe('a lead that expires before its person may be called', () => {
  const closed = { hours: 'Sun 00:00-00:01', zone: 'Pacific/Kiritimati', country: 'GB', holidays: [] };

  test.each([{}, { test: true }])('is rejected (%o)', async (flags) => {
    const server = await startServer();
    await server.store.setCallingHours(server.type, closed);
    const body = { ...valid, expires_at: fromNow(2), ...flags };
    const { status, json } = await post(server, 'addLead', body);
    expect({ status, json }).toEqual({
      status: 400,
      json: {
        expires_at: { 0: expect.stringMatching(/^Expires At is before the person may be called \(.+Z\)\.$/) },
      },
    });
    expect(await submissionsIn(server.store)).toEqual([]);
  });

  test('is an unknown type if the type is not granted, so that its calling hours are not disclosed', async () => {
    const server = await startServer();
    await server.store.addType('elsewhere', null);
    await server.store.setCallingHours('elsewhere', closed);
    const { json } = await post(server, 'addLead', { ...valid, type: 'elsewhere', expires_at: fromNow(2) });
    expect(json).toEqual(responseValue('addLead', 200, 'unknown-type'));
  });
});

describe('a lead type that requires consent', () => {
  const consent = { consent_text: 'Call me.', consent_at: '2026-11-23T09:00:03Z' };
  const missing = { 0: 'Consent Text cannot be blank.' };

  async function startStrictServer() {
    const server = await startServer();
    await server.store.setConsentRequired(server.type, true);
    return server;
  }

  test.each([{}, { test: true }])('rejects a lead without consent (%o)', async (flags) => {
    const server = await startStrictServer();
    for (const [blank, invalid] of [
      [{}, ['consent_text', 'consent_at']],
      [{ consent_at: consent.consent_at, consent_text: ' ' }, ['consent_text']],
      [{ consent_text: consent.consent_text, consent_at: null }, ['consent_at']],
    ] as const) {
      const { status, json } = await post(server, 'addLead', { ...valid, ...blank, ...flags });
      expect({ status, fields: Object.keys(Object(json)) }).toEqual({ status: 400, fields: invalid });
    }
    const { json } = await post(server, 'addLead', { ...valid, ...consent, ...flags });
    expect(json).toEqual(flags.test ? { test: 'ok' } : { saved: true, processed: true });
    expect(await submissionsIn(server.store)).toHaveLength(flags.test ? 0 : 1);
  });

  test('reports the missing consent with all other errors, in the documented order', async () => {
    const server = await startStrictServer();
    const { text } = await post(server, 'addLead', { ...valid, consent_ip: 'x', email: '', zebra: 1 });
    expect(text.match(/"(\w+)":\{/g)).toEqual([
      '"email":{',
      '"consent_text":{',
      '"consent_at":{',
      '"consent_ip":{',
      '"zebra":{',
    ]);
  });

  test('requires it under every name of the type, and only of partners to which it is granted', async () => {
    const server = await startStrictServer();
    await server.store.renameType(server.type, 'renamed');
    for (const type of [server.type, 'renamed']) {
      const { json } = await post(server, 'addLead', { ...valid, type });
      expect(json).toMatchObject({ consent_text: missing });
    }
    await server.store.addType('elsewhere', null);
    await server.store.setConsentRequired('elsewhere', true);
    const { json } = await post(server, 'addLead', { ...valid, type: 'elsewhere' });
    expect(json).toEqual(responseValue('addLead', 200, 'unknown-type'));
  });

  test('a changed rule takes effect within a second', async () => {
    const server = await startStrictServer();
    expect((await post(server, 'addLead', valid)).status).toBe(400);
    await server.store.setConsentRequired(server.type, false);
    await expect
      .poll(async () => (await post(server, 'addLead', { ...valid, test: true })).status, { timeout: 5_000 })
      .toBe(200);
  });
});

test('orders fields as documented, followed by unknown ones', async () => {
  const server = await startServer();
  const body = {
    zebra: 1,
    test: 1,
    delays: 'x',
    data: '',
    type: '',
    mobile: '',
    surname: '',
    first_name: '',
    email: '',
  };
  const { text } = await post(server, 'addLead', body);
  const documented = fieldsOf('addLead').filter((name) => name in body);
  expect(documented).toHaveLength(Object.keys(body).length - 1);
  expect(text.match(/"(\w+)":\{/g)?.map((name) => name.slice(1, -3))).toEqual([...documented, 'zebra']);
});

test.each([
  ['firstname', 'Firstname is not a field of this request; did you mean `first_name`?'],
  ['e-mail', 'E-mail is not a field of this request; did you mean `email`?'],
  ['Mobile', 'Mobile is not a field of this request; did you mean `mobile`?'],
  ['tests', 'Tests is not a field of this request; did you mean `test`?'],
  ['vehicle_make', 'Vehicle Make is not a field of this request.'],
  ['__proto__', 'Proto is not a field of this request.'],
  ['constructor', 'Constructor is not a field of this request.'],
  ['', '"" is not a field of this request.'],
  ['x'.repeat(10_000), `X${'x'.repeat(9_999)} is not a field of this request.`],
])('names an unknown field, with a suggestion if a known one is close (case %#)', async (name, message) => {
  const server = await startServer();
  const text = `{${JSON.stringify(name)}:1,${JSON.stringify(valid).slice(1)}`;
  const { text: response } = await send(server, 'addLead', { text });
  expect(response).toBe(`{${JSON.stringify(name)}:{"0":${JSON.stringify(message)}}}`);
});

test.each([
  ['null', 'Body must be a JSON object.'],
  ['"{}"', 'Body must be a JSON object.'],
  ['7', 'Body must be a JSON object.'],
  ['[]', 'Body must be a JSON object.'],
  [' \n ', 'Body cannot be blank.'],
])('rejects the body %o as a whole', async (text, message) => {
  const server = await startServer();
  expect((await send(server, 'addLead', { text })).json).toEqual({ body: { 0: message } });
});

test('does not parse JSON inside a JSON string', async () => {
  const server = await startServer();
  const text = JSON.stringify(JSON.stringify(valid));
  expect((await send(server, 'addLead', { text })).json).toEqual({
    body: { 0: 'Body must be a JSON object.' },
  });
});
