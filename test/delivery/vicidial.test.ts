/** Agents see what the partner sent, and operators see what VICIdial rejects. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { dispatch, until, untilAll } from '../harness/dispatch.ts';
import { phpForm } from '../harness/php-form.ts';
import { skipWithout } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { cancel, leadsIn } from '../harness/server.ts';
import { VicidialStandIn } from '../harness/vicidial.ts';
import { deliver, diallerAt, johnsMobile, startVicidial, withLead } from './vicidial/start.ts';

test('sends a lead to its list and the hopper, with its id and partner', async () => {
  const { vicidial, lead, response, stored, form } = await deliver({});
  expect(form).toMatchObject({
    duplicate_check: 'DUPLIST',
    list_exists_check: 'Y',
    dnc_check: 'Y',
    campaign_dnc_check: 'Y',
    campaign_id: 'MOTOR',
    hopper_local_call_time_check: 'Y',
  });
  expect(stored).toMatchObject({
    list: '1001',
    columns: {
      phone_number: '7840258823',
      phone_code: '44',
      vendor_lead_code: lead?.id,
      source_id: 'first',
      first_name: 'John',
      last_name: 'Doe',
      email: 'john.doe@test.com',
    },
  });
  expect(vicidial.hopper).toEqual([{ leadId: 1, priority: '50', status: 'READY' }]);
  expect(lead?.state).toBe('dialled');
  expect(response).toBe('lead 1 of list 1001; add_lead ADDED TO HOPPER');
});

describe('the number that VICIdial dials', () => {
  test.each([
    ['+447840258823', '447840258823'],
    ['+353871234567', '353871234567'],
  ])('is %s, with its default settings', async (mobile, dialled) => {
    const { vicidial, dialler } = await startVicidial();
    const { store, first, from, content } = await withLead();
    for (const { id } of await leadsIn(store)) await store.cancelLead(id);
    await store.submit(from(first.id, { mobile, content: content({ mobile }) }));
    dispatch(store, dialler);
    await until(() => expect(vicidial.hopper).toHaveLength(1));
    expect(vicidial.dial()).toEqual([dialled]);
  });

  test('is the national one with Omit Phone Code, and a foreign number is not sent', async () => {
    const { vicidial, dialler } = await startVicidial({ DIALLER_NUMBERS: 'national' });
    const { store, first, from, content } = await withLead();
    const mobile = '+353871234567';
    await store.submit(from(first.id, { mobile, content: content({ mobile }) }));
    dispatch(store, dialler);
    const leads = await untilAll(store, 'dialled', 'failed');
    expect(vicidial.dial(true)).toEqual(['07840258823']);
    expect(leads.find((lead) => lead.mobile === mobile)).toMatchObject({
      state: 'failed',
      lastResponse: 'DIALLER_NUMBERS=national has no form for a number of another country',
    });
  });

  test.each([
    ['national', '07840258823', '02079460958'],
    ['significant', '7840258823', '2079460958'],
    ['international', '447840258823', '442079460958'],
  ])('is stored as %s', async (form, number, other) => {
    const { stored } = await deliver({ other_phone: '020 7946 0958' }, { DIALLER_NUMBERS: form });
    expect(stored?.columns).toMatchObject({ phone_number: number, alt_phone: other });
  });

  test('never uses a foreign other_phone with the country code of the mobile number', async () => {
    const { stored } = await deliver({ other_phone: '+353 1 234 5678' });
    expect(stored?.columns).toMatchObject({ comments: 'other phone: 0035312345678' });
    expect(stored?.columns).not.toHaveProperty('alt_phone');
  });
});

test('outside of calling hours, a lead is not put into the hopper, and is delivered all the same', async () => {
  const { vicidial, lead, response } = await deliver({}, {}, (standIn) => {
    standIn.isCallingTime = false;
  });
  expect(vicidial.hopper).toEqual([]);
  expect(lead?.state).toBe('dialled');
  expect(response).toBe('lead 1 of list 1001; add_lead NOT ADDED TO HOPPER, OUTSIDE OF LOCAL TIME');
});

test.each([
  ['system', 'PHONE NUMBER IN DNC', (vicidial: VicidialStandIn) => vicidial.doNotCall.add('7840258823')],
  [
    'campaign',
    'PHONE NUMBER IN CAMPAIGN DNC',
    (vicidial: VicidialStandIn) => vicidial.campaignDoNotCall.add('MOTOR 7840258823'),
  ],
])('a number on the do-not-call list of the %s fails the lead', async (_whose, reason, prepare) => {
  const { lead, response } = await deliver({}, {}, prepare);
  expect(lead?.state).toBe('failed');
  expect(response).toBe(`add_lead ${reason} (list 1001)`);
});

test('sends members of data to custom fields of the same name, and to standard columns', async () => {
  const data = {
    vehicle_make: 'Ford',
    doors: 5,
    electric: false,
    nothing: null,
    owner_of: ['cat', 'dog'],
    at: { town: 'York' },
    drivers: [{ age: 41 }],
    city: 'York',
    postal_code: 'YO1 7HH',
    date_of_birth: '1980-02-29',
  };
  const { stored, response } = await deliver({ data: JSON.stringify(data) }, {}, ({ lists }) => {
    const labels = ['vehicle_make', 'doors', 'electric', 'owner_of', 'at_town', 'drivers_0_age'];
    const customFields = Object.fromEntries(labels.map((label) => [label, 30]));
    lists.set('1001', { campaign: 'MOTOR', customFields });
  });
  expect(stored?.custom).toEqual({
    vehicle_make: 'Ford',
    doors: '5',
    electric: 'false',
    owner_of: 'cat, dog',
    at_town: 'York',
    drivers_0_age: '41',
  });
  expect(stored?.columns).toMatchObject({
    city: 'York',
    postal_code: 'YO1 7HH',
    date_of_birth: '1980-02-29',
  });
  expect(stored?.columns).not.toHaveProperty('comments');
  expect(response).not.toMatch(/lost|not checked|truncated/);
});

test('custom_fields maps members to fields, and others are added to the comments', async () => {
  const lists = '{"motor": {"list": "1001", "custom_fields": {"vehicle_make": "make", "town": "city"}}}';
  const data = JSON.stringify({ vehicle_make: 'Ford', colour: 'red', town: 'York' });
  const { stored } = await deliver({ data }, { DIALLER_LISTS: lists });
  expect(stored?.custom).toMatchObject({ make: 'Ford' });
  expect(stored?.columns).toMatchObject({ comments: 'colour: red', city: 'York' });
});

test('a member of data cannot override a parameter of VICIdial', async () => {
  const hostile = {
    function: 'update_lead',
    List_ID: '1002',
    pass: 'x',
    phone_number: '999',
    status: 'SALE',
    remove_from_hopper: 'Y',
    'a.b c': 'd',
  };
  const { form, stored } = await deliver({ data: JSON.stringify(hostile) });
  expect(form).toMatchObject({ function: 'add_lead', list_id: '1001', phone_number: '7840258823' });
  for (const name of ['status', 'remove_from_hopper', 'List_ID', 'a_b_c'])
    expect(form).not.toHaveProperty(name);
  expect(stored?.columns['comments']).toBe(
    'function: update_lead, List_ID: 1002, pass: x, phone_number: 999, status: SALE, remove_from_hopper: Y, a.b c: d',
  );
});

test('rewrites what VICIdial would drop or change, keeping the meaning', async () => {
  const { form, stored } = await deliver({
    first_name: 'Zoë & Ann|Bob 🎉 O’Neil',
    surname: 'Łukasz; Mu\u0308ller #3',
    email: 'john+tag@example.com',
    subtype: '“valeter”; 2+2',
    data: JSON.stringify({ note: 'call +44 20 7946; "soon"\n#2 \\' }),
  });
  for (const [column, value] of Object.entries(stored?.columns ?? {}))
    expect(value, column).toBe(form[column]);
  expect(stored?.columns).toMatchObject({
    first_name: "Zoe and Ann Bob O'Neil",
    last_name: 'Lukasz Muller 3',
    comments: "e-mail: john[plus]tag@example.com, subtype: 'valeter', 2 plus 2",
  });
  expect(stored?.columns).not.toHaveProperty('email');
  expect(stored?.custom).toMatchObject({ note: "call 0044 20 7946, 'soon' #2 /" });
});

test.each(['o&m@example.com', 'john!doe@example.com', "o'neil{x}@example.com"])(
  'the address %s, which VICIdial would change, is in the comments as it is',
  async (email) => {
    const { stored } = await deliver({ email });
    expect(stored?.columns['comments']).toBe(`e-mail: ${email}`);
    expect(stored?.columns).not.toHaveProperty('email');
  },
);

test('repeats a long name in the comments, and reports truncated comments', async () => {
  const long = 'Wolfeschlegelsteinhausenbergerdorff';
  const { stored, response } = await deliver({
    surname: long,
    subtype: 'x'.repeat(60),
    data: JSON.stringify({ 'no field': 'y'.repeat(300) }),
  });
  expect(stored?.columns['last_name']).toBe(long.slice(0, 30));
  expect(stored?.columns['comments']).toContain(`surname: ${long}`);
  expect(stored?.columns['comments']).toHaveLength(255);
  expect(response).toMatch(/truncated: comments$/);
});

test.each([
  ['comments', { subtype: 'O’Neil' }, "subtype: O'Neil"],
  ['a custom field', { data: JSON.stringify({ vehicle_make: 'O’Neil' }) }, undefined],
])(
  'an apostrophe at the end of the form (%s) loses nothing, although VICIdial cannot log it',
  async (_what, submitted, comments) => {
    const { vicidial, stored, response } = await deliver(submitted);
    expect(response).toMatch(/; add_lead ADDED TO HOPPER$/);
    expect(stored).toMatchObject(
      comments === undefined ? { custom: { vehicle_make: "O'Neil" } } : { columns: { comments } },
    );
    expect(vicidial.hopper).toHaveLength(1);
  },
);

test('DIALLER_LETTERS=all keeps non-Latin letters, and composes them', async () => {
  const names = { first_name: 'Zoe\u0308', surname: '王小明' };
  const { stored } = await deliver(names, { DIALLER_LETTERS: 'all' }, (vicidial) => {
    vicidial.keepsLetters = true;
  });
  expect(stored?.columns).toMatchObject({ first_name: 'Zoë', last_name: '王小明' });
});

describe('what a custom field loses is in the comments, and the attempt reports it', () => {
  test.each<[what: string, data: object, comments: string, lost: string]>([
    ['an unknown field', { colour: 'red' }, 'colour: red', 'colour'],
    ['a field in another case', { Vehicle_Make: 'Ford' }, 'Vehicle_Make: Ford', 'Vehicle_Make'],
    ['a value that is cut', { short: 'abcdefgh' }, 'short: abcdefgh', 'short'],
    ['a wrong date', { built: 'in spring' }, 'built: in spring', 'built'],
  ])('%s', async (_what, data, comments, lost) => {
    const { stored, response } = await deliver({ data: JSON.stringify(data) }, {}, ({ lists }) => {
      lists.set('1001', { campaign: 'MOTOR', customFields: { vehicle_make: 30, short: 5, built: 'date' } });
    });
    expect(stored?.columns['comments']).toBe(comments);
    expect(response).toContain(
      `custom fields of list 1001 that lost their values (see the comments): ${lost}`,
    );
  });

  test('the next leads have it in the comments at once', async () => {
    const { vicidial, dialler } = await startVicidial();
    const data = JSON.stringify({ colour: 'red', vehicle_make: 'Ford' });
    const { store, first, from, content } = await withLead({ data });
    dispatch(store, dialler, { concurrency: 1 });
    await untilAll(store, 'dialled');
    const before = vicidial.forms.length;
    await store.submit(from(first.id, { mobile: '+447840258824', content: content({ data }) }));
    await untilAll(store, 'dialled');
    expect(vicidial.forms.slice(before)).toMatchObject([{ function: 'add_lead', comments: 'colour: red' }]);
  });

  test('the sub-type that the partner sent decides on the list, the priority and the source id', async () => {
    const subtypes = { valeter: { list: 1002, campaign: 'HOME', hopper_priority: 99, source_id: 'VALET' } };
    const lists = JSON.stringify({ motor: { list: 1001, campaign: 'MOTOR', hopper_priority: 1, subtypes } });
    const { vicidial, stored } = await deliver({ subtype: 'Valeter' }, { DIALLER_LISTS: lists });
    expect(stored).toMatchObject({ list: '1002', columns: { source_id: 'VALET' } });
    expect(vicidial.hopper).toMatchObject([{ priority: '99' }]);
  });

  test('a list without custom fields reports the notice', async () => {
    const lists = '{"motor": {"list": 1002}}';
    const { stored, response } = await deliver(
      { data: JSON.stringify({ colour: 'red' }) },
      { DIALLER_LISTS: lists },
    );
    expect(stored?.columns['comments']).toBe('colour: red');
    expect(response).toContain('CUSTOM FIELDS NOT ADDED, NO CUSTOM FIELDS DEFINED FOR THIS LIST');
  });

  test('members of the same joined name do not overwrite each other', async () => {
    const { stored } = await deliver({ data: '{"vehicle_make": "Ford", "vehicle": {"make": "Audi"}}' });
    expect(stored?.custom).toMatchObject({ vehicle_make: 'Ford' });
    expect(stored?.columns['comments']).toBe('vehicle_make: Audi');
  });

  test('more members than PHP reads are in the comments, which are truncated', async () => {
    const data = JSON.stringify(
      Object.fromEntries(Array.from({ length: 1_500 }, (_, index) => [`m${index}`, 'x'])),
    );
    const { form, response, stored } = await deliver({ data });
    expect(form).toMatchObject({
      list_id: '1001',
      add_to_hopper: 'Y',
      comments: expect.stringContaining('m900: x'),
    });
    expect(stored).toBeDefined();
    expect(response).toMatch(/truncated: comments$/);
  });
});

test.each([
  ['garbage', '<html>It works!</html>', 'unknown', 'the response is not from VICIdial’s API'],
  ['nothing', '', 'unknown', 'the response is not from VICIdial’s API'],
  [
    'a database error',
    'ERROR: add_lead LEAD HAS NOT BEEN ADDED - 7840258823|leadsapi',
    'unavailable',
    'add_lead LEAD HAS NOT BEEN ADDED',
  ],
])('retries after VICIdial responds with %s', async (_what, text, outcome, response) => {
  const { vicidial, receiver, dialler } = await startVicidial({ DIALLER_MAX_RUNTIME: '1' });
  receiver.behave = (...of) => {
    if (receiver.received.length > 1) vicidial.behave(...of);
    else of[1].end(text);
  };
  const { store } = await withLead();
  dispatch(store, dialler);
  await untilAll(store, 'dialled');
  const [first] = await Array.fromAsync(store.attempts(johnsMobile));
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
  const [{ reason, type } = { reason: '', type: '' }] = await store.pauses();
  expect(type).toBeUndefined();
  expect(error).toContain(reason.split(': ')[0]);
  expect(reason).not.toMatch(/leadsapi|wrong|127/);
  expect(receiver.received).toHaveLength(1);
  // The dialler does not have it.
  expect(await cancel(store, { partnerId: first.id, type: 'motor', mobile: johnsMobile })).toMatchObject({
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
  expect(await Array.fromAsync(store.attempts(johnsMobile))).toMatchObject([
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
  const { store } = await withLead();
  dispatch(store, diallerAt(new URL(path, receiver.url).href));
  await untilAll(store, 'dialled');
  expect(paths).toEqual([requested]);
});

test.each([true, false])(
  'finds the result after 85 KB of PHP warnings (sent at once: %s)',
  async (isUnbuffered) => {
    const { vicidial, lead } = await deliver({}, {}, (standIn) => {
      standIn.warnings = '<br />\nWarning: something in /srv/www\n'.repeat(2_500);
      standIn.isUnbuffered = isUnbuffered;
    });
    expect(lead?.state).toBe('dialled');
    expect(vicidial.hopper).toHaveLength(1);
  },
);

test('reads a response to its end, because PHP ends the script of a client that hangs up', async () => {
  const { vicidial, lead } = await deliver({}, {}, (standIn) => {
    standIn.warnings = '<br />\nWarning: something in /srv/www\n'.repeat(60_000);
    standIn.isUnbuffered = true;
  });
  expect(vicidial.leads).toHaveLength(1);
  expect(vicidial.hopper).toHaveLength(1);
  expect(lead?.state).toBe('dialled');
});

test('the stand-in parses a form as PHP does', (context) => {
  skipWithout(context, ['php', '--version']);
  const body = 'a+b=1&c.d=%5A%6f%c3%ab+x%2By&c.d=last&bare&percent=100%&%26=%3D&e=f=g';
  const php = spawnSync(
    'php',
    ['-r', 'parse_str(stream_get_contents(STDIN), $form); echo json_encode($form);'],
    { input: body, encoding: 'utf8' },
  );
  expect(phpForm(body)).toEqual(JSON.parse(php.stdout));
});
