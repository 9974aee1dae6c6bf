/** Agents see what the partner sent, and operators see what VICIdial rejects. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import type { Dialler } from '../../src/delivery/dialler.ts';
import { createVicidial } from '../../src/delivery/diallers/vicidial/vicidial.ts';
import { phoneParser } from '../../src/leads/phone.ts';
import { dispatch, limits, until, untilAll } from '../harness/dispatch.ts';
import { skipWithout } from '../harness/process.ts';
import { holdRequests, startReceiver } from '../harness/receiver.ts';
import { cancel, leadsIn } from '../harness/server.ts';
import { phpForm, VicidialStandIn } from '../harness/vicidial.ts';
import { openStore, seeded } from '../store/stores.ts';

const john = {
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile: '07840258823',
  type: 'motor',
};

const settings = {
  DIALLER_USER: 'leadsapi',
  DIALLER_PASSWORD: 'correct horse',
  DIALLER_LISTS: '{"motor": {"list": 1001, "hopper_priority": 50}}',
};

/** Starts a VICIdial stand-in and a dialler connected to it. */
async function startVicidial(changes: Record<string, string> = {}) {
  const vicidial = new VicidialStandIn();
  const receiver = await startReceiver(vicidial.behave);
  const dialler: Dialler = createVicidial(
    { DIALLER_URL: receiver.url, ...settings, ...changes },
    { parsePhone: phoneParser('GB'), ...limits },
  );
  return { vicidial, receiver, dialler };
}

/** Creates a store with a due lead. */
async function withLead(submitted: object = {}) {
  const { store, first, from } = await seeded(openStore());
  const content = (more: object) => JSON.stringify({ ...john, ...more });
  await store.submit(from(first.id, { content: content(submitted) }));
  return { store, first, from, content };
}

async function deliver(submitted: object, changes: Record<string, string> = {}) {
  const { vicidial, dialler } = await startVicidial(changes);
  const { store } = await withLead(submitted);
  dispatch(store, dialler);
  const [lead] = await untilAll(store, 'dialled', 'failed');
  const [attempt] = await Array.fromAsync(store.attempts('+447840258823'));
  return { vicidial, lead, response: attempt?.response, stored: vicidial.leads[0]?.form ?? {} };
}

test('sends a lead to its list and the hopper, with its id and partner', async () => {
  const { lead, response, stored } = await deliver({});
  expect(stored).toMatchObject({
    phone_number: '07840258823',
    phone_code: '44',
    list_id: '1001',
    vendor_lead_code: lead?.id,
    source_id: 'first',
    first_name: 'John',
    last_name: 'Doe',
    email: 'john.doe@test.com',
    add_to_hopper: 'Y',
    hopper_priority: '50',
    duplicate_check: 'DUPLIST',
    list_exists_check: 'Y',
  });
  expect(lead?.state).toBe('dialled');
  expect(response).toBe('lead 1 of list 1001; add_lead ADDED TO HOPPER');
});

test.each([
  ['national', '07840258823'],
  ['significant', '7840258823'],
  ['international', '447840258823'],
])('formats numbers as %s', async (form, expected) => {
  const { stored } = await deliver({ other_phone: '020 7946 0958' }, { DIALLER_NUMBERS: form });
  expect(stored['phone_number']).toBe(expected);
  expect(stored['alt_phone']).toBe(
    { national: '02079460958', significant: '2079460958', international: '442079460958' }[form],
  );
});

test('sends members of data to custom fields of the same name', async () => {
  const data = {
    vehicle_make: 'Ford',
    doors: 5,
    electric: false,
    nothing: null,
    owner_of: ['cat', 'dog'],
    at: { city: 'York' },
    drivers: [{ age: 41 }],
  };
  const { stored } = await deliver({ data: JSON.stringify(data) });
  expect(stored).toMatchObject({
    custom_fields: 'Y',
    vehicle_make: 'Ford',
    doors: '5',
    electric: 'false',
    owner_of: 'cat, dog',
    at_city: 'York',
    drivers_0_age: '41',
  });
  expect(stored).not.toHaveProperty('nothing');
});

test('custom_fields maps members to fields, and others are added to the comments', async () => {
  const lists = '{"motor": {"list": "1001", "custom_fields": {"vehicle_make": "make"}}}';
  const data = JSON.stringify({ vehicle_make: 'Ford', colour: 'red' });
  const { stored } = await deliver({ data }, { DIALLER_LISTS: lists });
  expect(stored).toMatchObject({ make: 'Ford', comments: 'colour: red' });
  expect(stored).not.toHaveProperty('colour');
});

test('a member of data cannot override a parameter of VICIdial', async () => {
  const hostile = {
    function: 'update_lead',
    List_ID: '1002',
    pass: 'x',
    phone_number: '999',
    status: 'SALE',
    'a.b c': 'd',
  };
  const { vicidial, stored } = await deliver({ data: JSON.stringify(hostile) });
  expect(vicidial.forms[0]).toMatchObject({
    function: 'add_lead',
    list_id: '1001',
    phone_number: '07840258823',
  });
  expect(stored).not.toHaveProperty('status');
  expect(stored).not.toHaveProperty('a_b_c');
  expect(stored['comments']).toBe(
    'function: update_lead, List_ID: 1002, pass: x, phone_number: 999, status: SALE, a.b c: d',
  );
});

test('rewrites what VICIdial would drop or change, keeping the meaning', async () => {
  const { vicidial, stored, response } = await deliver({
    first_name: 'Zoë "Zo" O\'Neil',
    surname: 'Łukasz; Müller #3',
    email: 'john+tag@example.com',
    subtype: '“valeter”',
    data: JSON.stringify({ note: 'call +44 20 7946; "soon"\n#2', name: '王小明' }),
  });
  const [sent = {}] = vicidial.forms;
  for (const [field, value] of Object.entries(stored)) expect(value, field).toBe(sent[field]);
  expect(stored).toMatchObject({
    first_name: "Zoe 'Zo' O'Neil",
    last_name: 'Lukasz, Muller no 3',
    comments: "e-mail: john plus tag@example.com, subtype: 'valeter'",
    note: "call 0044 20 7946, 'soon' no 2",
  });
  expect(stored).not.toHaveProperty('email');
  expect(stored['name']).toMatch(/^[A-Za-z]+$/);
  expect(response).not.toContain('truncated');
});

test('repeats a long name in the comments, and reports truncated comments', async () => {
  const long = 'Wolfeschlegelsteinhausenbergerdorff';
  const { stored, response } = await deliver({
    surname: long,
    subtype: 'x'.repeat(60),
    data: JSON.stringify({ 'no field': 'y'.repeat(300) }),
  });
  expect(stored['last_name']).toBe(long.slice(0, 30));
  expect(stored['comments']).toContain(`surname: ${long}`);
  expect(stored['comments']).toHaveLength(255);
  expect(response).toMatch(/truncated: comments$/);
});

test('DIALLER_LETTERS=all keeps non-Latin letters', async () => {
  const { vicidial } = await deliver({ first_name: 'Zoë' }, { DIALLER_LETTERS: 'all' });
  expect(vicidial.forms[0]).toMatchObject({ first_name: 'Zoë' });
});

test('fails a lead that is a duplicate in its first attempt', async () => {
  const { vicidial, dialler } = await startVicidial();
  vicidial.response({
    user: 'leadsapi',
    pass: 'correct horse',
    function: 'add_lead',
    phone_number: '07840258823',
    list_id: '1001',
  });
  const { store } = await withLead();
  dispatch(store, dialler);
  const [lead] = await untilAll(store, 'failed');
  expect(lead?.lastResponse).toBe('add_lead DUPLICATE PHONE NUMBER IN LIST');
});

test('treats a duplicate after a lost response as the delivered lead', async () => {
  const { vicidial, receiver, dialler } = await startVicidial();
  receiver.behave = (received, outgoing, incoming) => {
    if (vicidial.forms.length > 0) return vicidial.behave(received, outgoing, incoming);
    vicidial.response(phpForm(received.body));
    outgoing.destroy();
  };
  const { store } = await withLead();
  dispatch(store, dialler);
  const [lead] = await untilAll(store, 'dialled');
  expect(lead).toMatchObject({
    attempts: 2,
    lastResponse: expect.stringContaining('delivered by an earlier attempt'),
  });
  expect(vicidial.leads).toHaveLength(1);
});

test.each([
  [
    'an unknown list',
    { DIALLER_LISTS: '{"motor": 99999}' },
    'add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED',
  ],
  [
    'a type without a list',
    { DIALLER_LISTS: '{"home": 1001}' },
    'DIALLER_LISTS has no list for lead type "motor"',
  ],
])('%s fails the lead with its reason', async (_what, changes, reason) => {
  const { lead } = await deliver({}, changes);
  expect(lead).toMatchObject({ state: 'failed', lastResponse: reason });
});

test('a number on VICIdial’s do-not-call list fails the lead', async () => {
  const { vicidial, dialler } = await startVicidial();
  vicidial.doNotCall.add('07840258823');
  const { store } = await withLead();
  dispatch(store, dialler);
  const [lead] = await untilAll(store, 'failed');
  expect(lead?.lastResponse).toBe('add_lead PHONE NUMBER IN DNC');
});

test('a failed login pauses delivery, and the password is not stored', async () => {
  const { vicidial, dialler } = await startVicidial({ DIALLER_PASSWORD: 'wrong secret' });
  const { store, first, from, content } = await withLead();
  for (let index = 0; index < 50; index += 1) {
    await store.submit(from(first.id, { mobile: `+4478402500${10 + index}`, content: content({}) }));
  }
  const dispatcher = dispatch(store, dialler, { concurrency: 50 });
  await expect.poll(() => dispatcher.status().state).toBe('paused');
  await dispatcher.stop();
  expect(vicidial.failedLogins).toBe(1);
  expect(await store.pauses()).toMatchObject([
    { type: undefined, by: 'dialler', reason: 'Login incorrect, please try again' },
  ]);
  const leads = await leadsIn(store);
  expect(new Set(leads.map(({ state }) => state))).toEqual(new Set(['scheduled']));
  expect(JSON.stringify([leads, await Array.fromAsync(store.attempts('+447840258823'))])).not.toContain(
    'wrong secret',
  );
});

test('a password change while leads are in flight does not lock the user', async () => {
  const { vicidial, receiver, dialler } = await startVicidial();
  const { hold, count, release } = holdRequests(vicidial.behave);
  receiver.behave = (...of) => (vicidial.leads.length < 20 ? vicidial.behave : hold)(...of);
  const { store, first, from, content } = await withLead();
  for (let index = 0; index < 80; index += 1) {
    await store.submit(from(first.id, { mobile: `+4478402500${10 + index}`, content: content({}) }));
  }
  const dispatcher = dispatch(store, dialler, { concurrency: 50 });
  // As many leads as the dialler sends at once. The tenth failed login would lock the user.
  await expect.poll(count).toBe(8);
  vicidial.password = 'changed';
  release();
  await expect.poll(() => dispatcher.status().state).toBe('paused');
  await dispatcher.stop();
  expect(vicidial.failedLogins).toBe(8);
});

test.each([
  ['garbage', '<html>It works!</html>', 'unknown', 'the response is not from VICIdial’s API'],
  ['nothing', '', 'unknown', 'the response is not from VICIdial’s API'],
  [
    'a database error',
    'ERROR: add_lead LEAD HAS NOT BEEN ADDED - 07840258823|leadsapi',
    'unavailable',
    'add_lead LEAD HAS NOT BEEN ADDED',
  ],
])('retries after VICIdial responds with %s', async (_what, text, outcome, response) => {
  const { vicidial, receiver, dialler } = await startVicidial();
  receiver.behave = (...of) => {
    if (receiver.received.length > 1) vicidial.behave(...of);
    else of[1].end(text);
  };
  const { store } = await withLead();
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
  const [first] = await Array.fromAsync(store.attempts('+447840258823'));
  expect(first).toMatchObject({ outcome, response });
});

test.each([
  'Login incorrect, please try again: |leadsapi|wrong|BAD|',
  'Too many login attempts, try again in 15 minutes - leadsapi',
  'Your IP Address is not allowed - 127.0.0.1|leadsapi',
  'auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - leadsapi|add_lead',
  'add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM - leadsapi|0',
  'NO FUNCTION SPECIFIED',
])('pauses delivery after the sender error %j; the lead stays scheduled', async (error) => {
  const { vicidial, receiver, dialler } = await startVicidial();
  receiver.behave = (_received, outgoing) => void outgoing.end(`ERROR: ${error}\n`);
  const { store, first } = await withLead();
  const dispatcher = dispatch(store, dialler);
  await until(() => expect(dispatcher.status().state).toBe('paused'));
  await dispatcher.stop();
  const [{ reason } = { reason: '' }] = await store.pauses();
  expect(error).toContain(reason);
  expect(reason).not.toMatch(/leadsapi|wrong|127/);
  expect(receiver.received).toHaveLength(1);
  expect(await Array.fromAsync(store.attempts('+447840258823'))).toMatchObject([{ outcome: 'unavailable' }]);
  // The dialler does not have it.
  expect(await cancel(store, { partnerId: first.id, type: 'motor', mobile: '+447840258823' })).toMatchObject({
    outcome: 'cancelled',
  });
  expect(vicidial.leads).toEqual([]);
});

test.each([
  [301, 'unknown'],
  [302, 'unknown'],
  [204, 'unknown'],
  [500, 'unknown'],
  [502, 'unknown'],
  [401, 'unavailable'],
  [404, 'unavailable'],
  [503, 'unavailable'],
])('status %i from a proxy: the outcome is %s', async (status, outcome) => {
  const { receiver, dialler } = await startVicidial();
  receiver.behave = (_received, outgoing) =>
    void outgoing.writeHead(status, { Location: '/elsewhere' }).end();
  const { store } = await withLead();
  const dispatcher = dispatch(store, dialler, { retrySchedule: [] });
  const [lead] = await untilAll(store, 'failed');
  expect(await Array.fromAsync(store.attempts('+447840258823'))).toMatchObject([
    { outcome, response: `HTTP ${status}` },
  ]);
  expect(lead?.attempts).toBe(1);
  await dispatcher.stop();
  expect((await store.pauses()).map(({ reason }) => /DIALLER_URL/.test(reason))).toEqual(
    status >= 300 && status < 400 ? [true] : [],
  );
});

test.each([
  ['/', '/vicidial/non_agent_api.php'],
  ['/vici/non_agent_api.php', '/vici/non_agent_api.php'],
])('DIALLER_URL can be the server or the script: %s', async (path, requested) => {
  const vicidial = new VicidialStandIn();
  const paths: (string | undefined)[] = [];
  const receiver = await startReceiver((received, outgoing, incoming) => {
    paths.push(incoming.url);
    vicidial.behave(received, outgoing, incoming);
  });
  const environment = { DIALLER_URL: new URL(path, receiver.url).href, ...settings };
  const { store } = await withLead();
  dispatch(store, createVicidial(environment, { parsePhone: phoneParser('GB'), ...limits }));
  await untilAll(store, 'dialled');
  expect(paths).toEqual([requested]);
});

test('finds the result after a long output of PHP warnings', async () => {
  const { vicidial, receiver, dialler } = await startVicidial();
  const warnings = '<br />\nWarning: something in /srv/www\n'.repeat(5_000);
  receiver.behave = ({ body }, outgoing) =>
    void outgoing.end(`${warnings}  ${vicidial.response(phpForm(body))}`);
  const { store } = await withLead();
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
});

test.each([
  [{ DIALLER_LISTS: 'motor=1001' }, /^DIALLER_LISTS must be JSON with a list id for each lead type/],
  [{ DIALLER_LISTS: '{"motor": 1}' }, /for "motor", the list id must have 3 to 12 digits/],
  [{ DIALLER_LISTS: '{"motor": {"list": 1001, "hoper": 5}}' }, /for "motor", "hoper" is not a known member/],
  [
    { DIALLER_LISTS: '{"motor": {"list": 1001, "custom_fields": {"a": "b c"}}}' },
    /custom_fields must map members/,
  ],
  [
    { DIALLER_LISTS: '{"motor": {"list": 1001, "hopper_priority": 100}}' },
    /hopper_priority must be a whole number from -99 to 99/,
  ],
  [{ DIALLER_DUPLICATE_CHECK: 'NONE' }, /^DIALLER_DUPLICATE_CHECK must be DUPLIST, DUPCAMP or DUPSYS/],
])('rejects %o with a clear message', async (changes, message) => {
  await expect(startVicidial(changes)).rejects.toThrow(message);
});

test('the stand-in parses a form as PHP does', (context) => {
  skipWithout(context, ['php', '--version']);
  const body = 'a+b=1&c.d=%5A%6f%c3%ab+x%2By&c.d=last&bare&percent=100%&%26=%3D&e=f=g';
  const php = spawnSync(
    'php',
    ['-r', 'parse_str(stream_get_contents(STDIN), $form); echo json_encode($form);'],
    {
      input: body,
      encoding: 'utf8',
    },
  );
  expect(phpForm(body)).toEqual(JSON.parse(php.stdout));
});
