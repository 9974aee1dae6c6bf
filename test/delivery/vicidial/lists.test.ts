/** The leads of a sub-type go to its list; what it does not set, it has from its type. */
import { describe, expect, test } from 'vitest';
import { listFor, listMap } from '../../../src/delivery/diallers/vicidial/lists.ts';
import { ConfigError, readVariables } from '../../../src/environment/variables.ts';

function read(lists: object) {
  const environment = { DIALLER_LISTS: JSON.stringify(lists) };
  return readVariables(environment, { DIALLER_LISTS: listMap() }).DIALLER_LISTS;
}

/** Returns what is wrong with the lists, without the description of their form. */
function mistakeIn(lists: object): string {
  try {
    read(lists);
  } catch (error) {
    if (error instanceof ConfigError) return /; (for .*); it is /.exec(error.message)?.[1] ?? error.message;
    throw error;
  }
  return '';
}

const motor = {
  list: 1001,
  campaign: 'MOTOR',
  hopper_priority: 50,
  duplicate_check: 'DUPLIST90DAY',
  source_id: 'WEB',
  custom_fields: { vehicle_make: 'make' },
  subtypes: {
    valeter: { list: 1003, campaign: 'VALET' },
    'body shop': { hopper_priority: null, duplicate_check: 'DUPSYS', source_id: 'BODY', custom_fields: {} },
    dealer: 1004,
  },
};

describe('a sub-type', () => {
  const lists = read({ motor, home: 1002 });
  const inherited = {
    list: '1001',
    campaign: 'MOTOR',
    hopperPriority: 50,
    duplicateCheck: 'DUPLIST90DAY',
    sourceId: 'WEB',
    customFields: { vehicle_make: 'make' },
  };

  test.each<[subtype: string | undefined, settings: object]>([
    [undefined, inherited],
    ['another', inherited],
    ['valeter', { ...inherited, list: '1003', campaign: 'VALET' }],
    [' Valeter ', { ...inherited, list: '1003', campaign: 'VALET' }],
    [
      'body shop',
      {
        ...inherited,
        hopperPriority: undefined,
        duplicateCheck: 'DUPSYS',
        sourceId: 'BODY',
        customFields: {},
      },
    ],
    ['dealer', { ...inherited, list: '1004' }],
  ])('%j has its settings, or those of its type', (subtype, settings) => {
    expect(listFor(lists, 'motor', subtype)).toMatchObject(settings);
  });

  test('of another type, or of one without a list, has no effect', () => {
    expect(listFor(lists, 'home', 'valeter')).toMatchObject({ list: '1002', campaign: undefined });
    expect(listFor(lists, 'pet', 'valeter')).toBeUndefined();
  });
});

test.each<[what: object, mistake: string]>([
  [{ motor: { ...motor, subtypes: [] } }, 'for "motor", subtypes must map sub-types to their settings'],
  [{ motor: { ...motor, subtypes: { ' ': 1003 } } }, 'for "motor", a sub-type must not be blank'],
  [
    { motor: { ...motor, subtypes: { valeter: 1003, ' Valeter': 1004 } } },
    'for "motor", sub-type " Valeter", it differs from another only in its case or spaces',
  ],
  [
    { motor: { ...motor, subtypes: { valeter: { hoper: 1 } } } },
    'for "motor", sub-type "valeter", "hoper" is not a known member',
  ],
  [
    { motor: { ...motor, subtypes: { valeter: { subtypes: {} } } } },
    'for "motor", sub-type "valeter", "subtypes" is not a known member',
  ],
  [
    { motor: { ...motor, subtypes: { valeter: null } } },
    'for "motor", sub-type "valeter", the list id must have 3 to 12 digits',
  ],
  [
    { motor: { ...motor, subtypes: { valeter: { campaign: null } } } },
    'for "motor", sub-type "valeter", hopper_priority also requires campaign, the id of the list’s campaign, so that its do-not-call list applies',
  ],
  [
    { motor: { list: 1001, duplicate_check: 'DUPLIST45DAY' } },
    'for "motor", duplicate_check must be DUPLIST, DUPCAMP or DUPSYS, optionally with a number of days that VICIdial knows (1, 2, 3, 7, 14, 15, 21, 28, 30, 60, 90, 180, 360), such as DUPLIST90DAY',
  ],
  ...['', 'a;b', ' a', 'x'.repeat(51), 5, null].map((source_id): [object, string] => [
    { motor: { list: 1001, source_id } },
    'for "motor", source_id must have 1 to 50 characters: letters, digits, spaces, hyphens, underscores and full stops',
  ]),
])('%j is rejected, and the member is named', (lists, mistake) => {
  expect(mistakeIn(lists)).toBe(mistake);
});
