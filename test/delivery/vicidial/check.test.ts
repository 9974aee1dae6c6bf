/** Operators find mistakes in the set-up before the first lead is delivered. */
import { expect, test } from 'vitest';
import type { VicidialStandIn } from '../../harness/vicidial.ts';
import { startVicidial } from './start.ts';

const lists = {
  DIALLER_LISTS: JSON.stringify({
    motor: { list: 1001, campaign: 'MOTOR', custom_fields: { vehicle: 'vehicle_make', town: 'city' } },
    home: 1002,
  }),
};

/** Checks a stand-in that was changed. Returns the results as lines. */
async function check(
  prepare: (vicidial: VicidialStandIn) => void = () => {},
  types = ['motor', 'home'],
  changes: Record<string, string> = lists,
) {
  const { vicidial, dialler } = await startVicidial(changes);
  prepare(vicidial);
  const found = (await dialler.check?.(types, AbortSignal.timeout(20_000))) ?? [];
  const problems = found.filter(({ result }) => result === 'problem');
  return {
    vicidial,
    found,
    problems: problems.map(({ subject, type, details }) => [subject, type, details]),
  };
}

test('a correct set-up has no problems, and nothing is changed', async () => {
  const { vicidial, found, problems } = await check();
  expect(problems).toEqual([]);
  expect(found.map(({ result, subject, type, details }) => [result, subject, type, details])).toEqual([
    ['ok', 'login', undefined, 'the user can log in'],
    ['ok', 'clock', undefined, 'the clocks agree'],
    ['ok', 'list 1001', 'motor', 'leads can be added'],
    ['ok', 'campaign', 'motor', 'MOTOR'],
    ['ok', 'custom fields', 'motor', 'make, vehicle_make, note'],
    ['ok', 'list 1002', 'home', 'leads can be added'],
    [
      'unchecked',
      'campaign',
      'home',
      'the do-not-call list of the campaign HOME is not checked: set "campaign"',
    ],
    ['ok', 'custom fields', 'home', 'the list has none'],
    ['ok', 'lead_search', undefined, 'allowed'],
    ['ok', 'lead_field_info', undefined, 'allowed'],
    ['ok', 'update_lead', undefined, 'allowed'],
    [
      'unchecked',
      'phone numbers',
      undefined,
      '+447840258823 is sent as 44 and 7840258823: the campaigns must have Omit Phone Code = N',
    ],
    [
      'unchecked',
      'logins',
      undefined,
      'a server sends up to 3 requests at once, and all servers of a store up to 9, because the tenth failed login locks the user: nobody else may log in as DIALLER_USER',
    ],
  ]);
  expect([vicidial.leads, vicidial.hopper]).toEqual([[], []]);
});

test.each<[what: string, prepare: (vicidial: VicidialStandIn) => unknown, problem: unknown[]]>([
  [
    'an unknown list',
    (vicidial) => vicidial.lists.delete('1002'),
    ['list 1002', 'home', 'add_lead NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED: correct it'],
  ],
  [
    'a list that the user may not use',
    (vicidial) => vicidial.forbiddenLists.add('1001'),
    ['list 1001', 'motor', 'add_lead NOT AN ALLOWED LIST ID: correct it'],
  ],
  [
    'an inactive list',
    (vicidial) => vicidial.inactiveLists.add('1001'),
    ['list 1001', 'motor', 'the list is not active: its leads are not called'],
  ],
  [
    'another campaign',
    (vicidial) => vicidial.lists.set('1001', { campaign: 'OTHER', customFields: { vehicle_make: 30 } }),
    [
      'campaign',
      'motor',
      'the campaign of list 1001 is OTHER, not MOTOR: VICIdial checks no do-not-call list',
    ],
  ],
  [
    'a custom field in another case',
    (vicidial) => vicidial.lists.set('1001', { campaign: 'MOTOR', customFields: { Vehicle_Make: 30 } }),
    ['custom fields', 'motor', 'list 1001 has no custom field vehicle_make: create it, in the same case'],
  ],
  [
    'a wrong clock',
    (vicidial) => {
      vicidial.now = () => Date.now() - 3_600_000;
    },
    [
      'clock',
      undefined,
      expect.stringMatching(/^the clocks of this server and of VICIdial differ by 360\d s/),
    ],
  ],
  [
    'a look-up that is not allowed',
    (vicidial) => vicidial.forbiddenFunctions.add('lead_search'),
    [
      'lead_search',
      undefined,
      expect.stringMatching(/PERMISSION.*\(needed after an attempt without a response\)$/),
    ],
  ],
])('%s is a problem', async (_what, prepare, problem) => {
  expect((await check(prepare)).problems).toEqual([problem]);
});

test('a wrong password is tried once, although VICIdial returns its version to everybody', async () => {
  const { vicidial, found, problems } = await check((standIn) => {
    standIn.password = 'changed';
  });
  expect(found).toMatchObject([{ subject: 'login', pause: { reason: expect.any(String) } }]);
  expect(problems).toEqual([
    ['login', undefined, expect.stringMatching(/^Login incorrect.*check DIALLER_USER/)],
  ]);
  expect(vicidial.failedLogins).toBe(1);
});

test('types without a list, and lists without a type, are problems', async () => {
  const { problems } = await check(undefined, ['motor', 'pet']);
  expect(problems).toEqual([
    ['list', 'pet', 'DIALLER_LISTS has no list for this type: add it'],
    ['list', 'home', 'DIALLER_LISTS names a lead type that does not exist'],
  ]);
});

test('a user who may not modify lists delivers, but campaigns and custom fields are not checked', async () => {
  const { found, problems } = await check((vicidial) =>
    vicidial.forbiddenFunctions.add('list_custom_fields'),
  );
  expect(problems).toEqual([]);
  expect(found.filter(({ result, type }) => result === 'unchecked' && type === 'motor')).toMatchObject([
    { subject: 'list 1001', details: expect.stringContaining('allow DIALLER_USER to modify lists') },
  ]);
});

test('the settings of each sub-type are checked', async () => {
  const subtypes = { valeter: { list: 1002, campaign: 'HOME' }, dealer: { campaign: 'OTHER' }, shop: 1009 };
  const { found, problems } = await check(undefined, ['motor'], {
    DIALLER_LISTS: JSON.stringify({ motor: { list: 1001, campaign: 'MOTOR', subtypes } }),
  });
  expect(
    found
      .filter(({ type }) => type === 'motor')
      .map(({ subtype, subject, result }) => [subtype, subject, result]),
  ).toEqual([
    [undefined, 'list 1001', 'ok'],
    [undefined, 'campaign', 'ok'],
    [undefined, 'custom fields', 'ok'],
    ['valeter', 'list 1002', 'ok'],
    ['valeter', 'campaign', 'ok'],
    ['valeter', 'custom fields', 'ok'],
    ['dealer', 'list 1001', 'ok'],
    ['dealer', 'campaign', 'problem'],
    ['dealer', 'custom fields', 'ok'],
    ['shop', 'list 1009', 'problem'],
  ]);
  expect(problems).toHaveLength(2);
});
