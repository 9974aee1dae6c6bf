/** A mistake in the variables of VICIdial is reported at start, not by the first lead. */
import { expect, test } from 'vitest';
import { readVicidialSettings } from '../../../src/delivery/diallers/vicidial/settings.ts';

const environment = {
  DIALLER_URL: 'https://vicidial.test/',
  DIALLER_USER: 'leadsapi',
  DIALLER_PASSWORD: 'correct horse',
  DIALLER_LISTS: '{"motor": 1001}',
};

function read(changes: Record<string, string> = {}) {
  return readVicidialSettings({ ...environment, ...changes });
}

function listOf(settings: unknown) {
  return read({ DIALLER_LISTS: JSON.stringify({ motor: settings }) }).lists.get('motor');
}

test('the defaults are those of VICIdial: it drops non-Latin letters, and dials the country code before the number', () => {
  expect(read()).toEqual({
    url: new URL('https://vicidial.test/vicidial/non_agent_api.php'),
    user: 'leadsapi',
    password: 'correct horse',
    lists: new Map([
      [
        'motor',
        {
          list: '1001',
          campaign: undefined,
          customFields: undefined,
          hopperPriority: undefined,
          duplicateCheck: undefined,
          sourceId: undefined,
          subtypes: new Map(),
        },
      ],
    ]),
    numberForm: 'significant',
    duplicateCheck: 'DUPLIST',
    letters: 'latin',
    maxRuntime: 600_000,
  });
});

test('a missing variable is reported with its meaning', () => {
  expect(() => readVicidialSettings({})).toThrow(
    [
      'DIALLER_URL is missing: the URL of VICIdial’s web server, or of its /vicidial/non_agent_api.php.',
      'DIALLER_USER is missing: a VICIdial user of level 8 that may modify leads and use the API.',
      'DIALLER_PASSWORD is missing: the password of that VICIdial user.',
      'DIALLER_LISTS is missing: JSON with a list id for each lead type, such as',
    ].join('\n'),
  );
});

test.each(['motor=1001', '', 'null', '"motor"', '1001', '[]', '[1001]', '{}'])(
  'DIALLER_LISTS=%s is rejected with an example',
  (lists) => {
    expect(() => read({ DIALLER_LISTS: lists })).toThrow(
      'DIALLER_LISTS must be JSON with a list id for each lead type, such as {"motor-trade": 1001}',
    );
  },
);

test('an unknown member of a list is rejected by name', () => {
  expect(() => listOf({ list: 1001, hoper: 5 })).toThrow('; for "motor", "hoper" is not a known member');
});

test.each([
  ['https://vicidial.test', 'https://vicidial.test/vicidial/non_agent_api.php'],
  ['https://vicidial.test/vici/api.php', 'https://vicidial.test/vici/api.php'],
])('DIALLER_URL=%s is requested as %s', (url, requested) => {
  expect(read({ DIALLER_URL: url }).url.href).toBe(requested);
});

test.each(['latin', 'all'])('DIALLER_LETTERS=%s is accepted', (letters) => {
  expect(read({ DIALLER_LETTERS: letters }).letters).toBe(letters);
});

test('other DIALLER_LETTERS are rejected with the choice', () => {
  expect(() => read({ DIALLER_LETTERS: 'none' })).toThrow('DIALLER_LETTERS must be one of latin, all');
});

test.each([100, '100', '123456789012', 123456789012])('the list id %j is accepted', (list) => {
  expect(listOf(list)?.list).toBe(String(list));
  expect(listOf({ list })?.list).toBe(String(list));
});

test.each([12, '1234567890123', 'x123', '123x', '', null, {}])('the list id %j is rejected', (list) => {
  expect(() => listOf(list)).toThrow('; for "motor", the list id must have 3 to 12 digits');
  expect(() => listOf({ list })).toThrow('; for "motor", the list id must have 3 to 12 digits');
});

test.each([-99, 0, 99])('the hopper priority %i is accepted', (priority) => {
  const settings = listOf({ list: 1001, campaign: 'MOTOR', hopper_priority: priority });
  expect(settings).toMatchObject({ campaign: 'MOTOR', hopperPriority: priority });
});

test.each([-100, 100, 1.5, '50', null])('the hopper priority %j is rejected', (priority) => {
  expect(() => listOf({ list: 1001, hopper_priority: priority })).toThrow(
    '; for "motor", hopper_priority must be a whole number from -99 to 99',
  );
});

test('a hopper priority requires the campaign, whose do-not-call list the hopper would bypass', () => {
  expect(() => listOf({ list: 1001, hopper_priority: 50 })).toThrow(
    '; for "motor", hopper_priority also requires campaign, the id of the list’s campaign, so that its do-not-call list applies',
  );
});

test.each(['', 'M', 'MOTORTRADE', 'MO TOR', null])('the campaign %j is rejected', (campaign) => {
  expect(() => listOf({ list: 1001, campaign })).toThrow(
    '; for "motor", campaign must be the id of the list’s campaign (2 to 8 characters)',
  );
});

test('custom_fields maps members of data to columns', () => {
  const customFields = { 'vehicle make': 'make', doors: `d${'o'.repeat(49)}` };
  expect(listOf({ list: 1001, custom_fields: customFields })?.customFields).toEqual(customFields);
  expect(listOf({ list: 1001, custom_fields: {} })?.customFields).toEqual({});
});

test.each([
  null,
  ['make'],
  'make',
  { make: 'make', model: 'the model' },
  { make: '1st' },
  { make: '' },
  { make: `d${'o'.repeat(50)}` },
])('custom_fields %j is rejected', (customFields) => {
  expect(() => listOf({ list: 1001, custom_fields: customFields })).toThrow(
    '; for "motor", custom_fields must map members of data to custom fields',
  );
});

test.each([
  'user',
  'pass',
  'function',
  'source',
  'phone_number',
  'PHONE_NUMBER',
  'custom_fields',
  'comments',
  'remove_from_hopper',
  'delete_lead',
  'status',
  'alt_phone',
  'address3',
])('custom_fields that replace the API’s parameter %s are rejected', (parameter) => {
  const customFields = { make: 'make', model: parameter };
  expect(() => listOf({ list: 1001, custom_fields: customFields })).toThrow(
    `; for "motor", custom_fields must not contain "${parameter}", a parameter of VICIdial’s API`,
  );
});

test('custom_fields may map members of data to VICIdial’s standard fields', () => {
  const customFields = { town: 'city', postcode: 'postal_code' };
  expect(listOf({ list: 1001, custom_fields: customFields })?.customFields).toEqual(customFields);
});

test.each(['DUPLIST', 'DUPCAMP', 'DUPSYS', 'DUPLIST1DAY', 'DUPCAMP90DAY', 'DUPSYS360DAY'])(
  'DIALLER_DUPLICATE_CHECK=%s is accepted',
  (check) => {
    expect(read({ DIALLER_DUPLICATE_CHECK: check }).duplicateCheck).toBe(check);
  },
);

test.each([
  'NONE',
  '',
  'xDUPLIST',
  'DUPLISTx',
  'DUPLISTDAY',
  'DUPLIST31DAY',
  'DUPLIST45DAY',
  'DUPSYS365DAY',
  'DUPLIST090DAY',
  'DUPLIST-DAY',
  'DUPLIST90',
])('DIALLER_DUPLICATE_CHECK=%s is rejected', (check) => {
  expect(() => read({ DIALLER_DUPLICATE_CHECK: check })).toThrow(
    'DIALLER_DUPLICATE_CHECK must be DUPLIST, DUPCAMP or DUPSYS, optionally with a number of days that VICIdial knows (1, 2, 3, 7, 14, 15, 21, 28, 30, 60, 90, 180, 360)',
  );
});

test.each(['0', '86400001', '10m', '1.5'])('DIALLER_MAX_RUNTIME=%s is rejected', (runtime) => {
  expect(() => read({ DIALLER_MAX_RUNTIME: runtime })).toThrow(
    'DIALLER_MAX_RUNTIME must be a number of milliseconds, from 1 to 86400000',
  );
});
