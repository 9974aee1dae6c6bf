/** An agent reads everything that the partner sent, in VICIdial's fields or in the comments. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AcceptsField,
  commentsOf,
  customFieldParameters,
  type LeadForm,
  leadForm,
} from '../../../src/delivery/diallers/vicidial/form.ts';
import type { ListSettings } from '../../../src/delivery/diallers/vicidial/lists.ts';
import type { VicidialSettings } from '../../../src/delivery/diallers/vicidial/settings.ts';
import { phoneParsers } from '../../../src/leads/phone.ts';
import type { ClaimedLead } from '../../../src/store/delivery.ts';
import { claimedLead } from '../claimed-lead.ts';

const parsePhone = phoneParsers('GB').parse;

interface Changes {
  lead?: Partial<ClaimedLead>;
  list?: Partial<ListSettings>;
  settings?: Partial<VicidialSettings>;
  accepts?: AcceptsField;
}

/** Returns the form of a lead, of which the partner also sent some fields; undefined: it has none. */
function formIfAny(
  submitted: object = {},
  { lead, list, settings, accepts = () => true }: Changes = {},
): LeadForm | undefined {
  return leadForm(
    claimedLead(submitted, lead),
    {
      list: '1001',
      campaign: undefined,
      customFields: undefined,
      hopperPriority: undefined,
      duplicateCheck: undefined,
      sourceId: undefined,
      ...list,
    },
    {
      url: new URL('https://vicidial.test/'),
      user: 'leadsapi',
      password: 'correct horse',
      lists: new Map(),
      numberForm: 'significant',
      duplicateCheck: 'DUPCAMP90DAY',
      letters: 'latin',
      maxRuntime: 1,
      ...settings,
    },
    { parsePhone, accepts },
  );
}

function formOf(submitted: object = {}, changes: Changes = {}): LeadForm {
  const form = formIfAny(submitted, changes);
  if (form === undefined) throw new Error('The lead has no form.');
  return form;
}

/** Returns the form of a lead with `data`. */
function formWith(data: unknown, customFields?: Record<string, string>) {
  return formOf({ data: JSON.stringify(data) }, { list: { customFields } });
}

test('a lead without optional fields has neither comments nor custom fields nor a place in the hopper', () => {
  const form = formOf();
  expect(form).toStrictEqual({
    routing: { list_id: '1001', duplicate_check: 'DUPCAMP90DAY', list_exists_check: 'Y', dnc_check: 'Y' },
    columns: {
      phone_number: '7840258823',
      phone_code: '44',
      vendor_lead_code: '01k83s0kq3m4hn7c2v1a',
      source_id: 'acme',
      first_name: 'John',
      last_name: 'Doe',
      email: 'john.doe@test.com',
    },
    hopper: {},
    customFields: new Map(),
    comments: [],
  });
  expect([commentsOf(form), customFieldParameters(form)]).toEqual([{ text: '', isTruncated: false }, {}]);
});

test.each([0, -99, 99])(
  'a lead of a list with the hopper priority %i enters the hopper, within calling hours only',
  (hopperPriority) => {
    expect(formOf({}, { list: { hopperPriority } }).hopper).toEqual({
      add_to_hopper: 'Y',
      hopper_priority: String(hopperPriority),
      hopper_local_call_time_check: 'Y',
    });
  },
);

test.each([
  [50, 7, '57'],
  [-99, 9, '-90'],
  [95, 9, '99'],
])(
  'the hopper priority %i of a list and the priority %i of a lead become %s',
  (hopperPriority, priority, sent) => {
    const form = formOf({}, { list: { hopperPriority }, lead: { priority } });
    expect(form.hopper['hopper_priority']).toBe(sent);
    expect(formOf({}, { lead: { priority } }).hopper).toEqual({});
  },
);

test('the do-not-call list of the campaign is checked', () => {
  expect(formOf({}, { list: { campaign: 'MOTOR' } }).routing).toMatchObject({
    campaign_dnc_check: 'Y',
    campaign_id: 'MOTOR',
  });
});

test.each([
  ['+12125550123', 'POSTAL'],
  ['+447840258823', undefined],
])('the time zone of %s is found by the postcode: %s', (mobile, method) => {
  const form = formOf({ data: '{"postal_code": "10001"}' }, { lead: { mobile } });
  expect(form.routing['tz_method']).toBe(method);
  expect(formOf({}, { lead: { mobile } }).routing).not.toHaveProperty('tz_method');
});

test('the id of a long partner name is cut to the length of the field', () => {
  expect(formOf({}, { lead: { partner: 'p'.repeat(51) } }).columns['source_id']).toBe('p'.repeat(50));
});

describe('a name', () => {
  test.each([
    ['first_name', 'first name'],
    ['surname', 'surname'],
  ])('in %s that is too long is repeated in full in the comments', (member, label) => {
    const column = member === 'surname' ? 'last_name' : member;
    const longest = formOf({ [member]: 'n'.repeat(30) });
    expect([longest.columns[column], longest.comments]).toEqual(['n'.repeat(30), []]);
    const longer = formOf({ [member]: `${'n'.repeat(29)} nnn` });
    expect([longer.columns[column], longer.comments]).toEqual([
      'n'.repeat(29),
      [`${label}: ${'n'.repeat(29)} nnn`],
    ]);
  });

  test('that loses marks is repeated in the comments', () => {
    const form = formOf({ first_name: 'हिन्दी' }, { settings: { letters: 'all' } });
    expect(form.comments).toEqual(['first name: हिन्दी']);
  });
});

describe('an e-mail address', () => {
  test('of up to 70 characters has its own field, a longer one is in the comments', () => {
    const longest = `${'e'.repeat(61)}@test.com`;
    expect(longest).toHaveLength(70);
    expect(formOf({ email: longest }).columns).toMatchObject({ email: longest });
    const { columns, comments } = formOf({ email: `e${longest}` });
    expect(comments).toEqual([`e-mail: e${longest}`]);
    expect(columns).not.toHaveProperty('email');
  });

  test('that VICIdial would change is in the comments, because mail to another address would be lost', () => {
    const { columns, comments } = formOf({ email: 'john+tag@test.com' });
    expect(comments).toEqual(['e-mail: john[plus]tag@test.com']);
    expect(columns).not.toHaveProperty('email');
  });
});

describe('another phone number', () => {
  test('of up to 12 digits has its own field, a longer one is in the comments', () => {
    const settings = { numberForm: 'international' } as const;
    expect(formOf({ other_phone: '020 7946 0958' }, { settings }).columns).toMatchObject({
      alt_phone: '442079460958',
    });
    const lead = { mobile: '+4915123456788' };
    const { columns, comments } = formOf({ other_phone: '+49 1512 3456789' }, { settings, lead });
    expect(comments).toEqual(['other phone: 4915123456789']);
    expect(columns).not.toHaveProperty('alt_phone');
  });

  test('of another country is in the comments, because VICIdial dials it with the code of the first', () => {
    const { columns, comments } = formOf({ other_phone: '+353 87 123 4567' });
    expect(comments).toEqual(['other phone: 00353871234567']);
    expect(columns).not.toHaveProperty('alt_phone');
  });
});

test.each([
  ['national', '+447840258823', true],
  ['national', '+353871234567', false],
  ['significant', '+353871234567', true],
  ['international', '+353871234567', true],
] as const)('whether the form %s has digits for %s: %s', (numberForm, mobile, expected) => {
  const form = formIfAny({}, { settings: { numberForm }, lead: { mobile } });
  expect(form !== undefined).toBe(expected);
});

test('adds the subtype to the comments, and sends no blank optional fields', () => {
  expect(formOf({ subtype: ' valeter ' }).comments).toEqual(['subtype: valeter']);
  expect(formOf({ subtype: ' ', other_phone: '', data: '{"make": " "}' })).toStrictEqual(formOf());
});

test('comments of exactly the maximum length are not truncated', () => {
  const label = 'subtype: ';
  const longest = commentsOf(formOf({ subtype: 'x'.repeat(255 - label.length) }));
  expect([longest.text.length, longest.isTruncated]).toEqual([255, false]);
  const longer = commentsOf(formOf({ subtype: 'x'.repeat(256 - label.length) }));
  expect([longer.text.length, longer.isTruncated]).toEqual([255, true]);
});

describe('data', () => {
  test('nested members have the joined names, and lists of plain values are joined by commas', () => {
    const form = formWith({
      colours: ['red', 'blue', 3, true],
      cars: [{ make: 'Ford' }, 'van'],
      at: { town: 'York', none: null, empty: [] },
    });
    expect(customFieldParameters(form)).toEqual({
      custom_fields: 'Y',
      colours: 'red, blue, 3, true',
      cars_0_make: 'Ford',
      cars_1: 'van',
      at_town: 'York',
    });
    expect(form.comments).toEqual([]);
  });

  test('a list instead of an object is the field data; a list of objects is in the comments', () => {
    expect(customFieldParameters(formWith(['red', 'blue']))).toEqual({
      custom_fields: 'Y',
      data: 'red, blue',
    });
    expect(formWith([{ make: 'Ford' }, { make: 'Audi' }]).comments).toEqual(['0_make: Ford', '1_make: Audi']);
    expect(customFieldParameters(formWith('red'))).toMatchObject({ data: 'red' });
  });

  test('a member of the prototype is not a custom field', () => {
    const form = formWith({ constructor: 'Ford' }, { make: 'vehicle_make' });
    expect(form.comments).toEqual(['constructor: Ford']);
    expect(customFieldParameters(form)).toEqual({});
  });

  test.each([
    [
      'a second member of the same joined name',
      { vehicle_make: 'Ford', vehicle: { make: 'Audi' } },
      undefined,
    ],
    [
      'a second member of the same field',
      { vehicle_make: 'Ford', brand: 'Audi' },
      { vehicle_make: 'vehicle_make', brand: 'vehicle_make' },
    ],
  ])('%s is in the comments', (_what, data, customFields) => {
    const form = formWith(data, customFields);
    expect(customFieldParameters(form)).toEqual({ custom_fields: 'Y', vehicle_make: 'Ford' });
    expect(form.comments).toEqual([expect.stringMatching(/: Audi$/)]);
  });

  test.each([
    ['YO1 7HH', undefined, 'YO1 7HH', []],
    ['YO1 7HH', 'YO1 7HH', 'YO1 7HH', []],
    ['YO1 7HH', 'YO2 8JJ', 'YO2 8JJ', ['postcode: YO1 7HH']],
    ['behind the church', undefined, undefined, ['postcode: behind the church']],
  ])('the postcode %j is sent if data contains %j', (postcode, inData, column, comments) => {
    const form = formOf({ postcode, data: JSON.stringify({ postal_code: inData ?? null }) });
    expect([form.columns['postal_code'], form.comments]).toEqual([column, comments]);
  });

  test('a value that its custom field is known to lose is in the comments', () => {
    const accepts: AcceptsField = (field, value) => field !== 'make' || value.length < 5;
    const form = formOf({ data: '{"make": "Vauxhall", "colour": "red"}' }, { accepts });
    expect([customFieldParameters(form), form.comments]).toEqual([
      { custom_fields: 'Y', colour: 'red' },
      ['make: Vauxhall'],
    ]);
  });

  test.each([
    ['title', 'Mrs', 'Mrs'],
    ['title', 'Professor', undefined],
    ['address1', '3/4 High St, York', '3-4 High St York'],
    ['city', 'York', 'York'],
    ['postal_code', 'YO1 7HH', 'YO1 7HH'],
    ['postal_code', 'not a postcode', undefined],
    ['date_of_birth', '1980-02-29', '1980-02-29'],
    ['date_of_birth', '1981-02-29', undefined],
    ['date_of_birth', '29.2.1980', undefined],
    ['gender', 'Female', 'F'],
    ['gender', 'x', undefined],
    ['state', 'N.', undefined],
    ['postal_code', 'AB.1', undefined],
    ['middle_initial', "'", undefined],
  ])('the column %s has the value %j as %j, or the comments have it', (column, value, expected) => {
    const { columns, comments } = formWith({ [column]: value });
    expect(columns[column]).toBe(expected);
    expect(comments).toEqual(expected === undefined ? [`${column}: ${value}`] : []);
  });

  test.each([
    ['rank', '-5'],
    ['country_code', 'G.B'],
  ])('the column %s does not have %j, of which VICIdial would drop a sign', (column, value) => {
    const form = formWith({ member: value }, { member: column });
    expect([form.columns[column], form.comments]).toEqual([undefined, [`member: ${value}`]]);
  });

  test.each(['owner', 'rank', 'security_phrase', 'country_code'])(
    'the column %s is used only if custom_fields names it',
    (column) => {
      expect(formWith({ [column]: '1' }).comments).toEqual([`${column}: 1`]);
      expect(formWith({ member: '1' }, { member: column }).columns[column]).toBe('1');
    },
  );

  test.each(['alt_phone', 'address3', 'ALT_PHONE', 'phone_number', 'multi_alt_phones', 'City'])(
    'the member %s never becomes a parameter',
    (name) => {
      const form = formWith({ [name]: '02079460958' });
      expect(form.comments).toEqual([`${name}: 02079460958`]);
      expect(JSON.stringify([form.columns, customFieldParameters(form)])).not.toContain('02079460958');
    },
  );

  test('no member overrides a parameter of the API, whatever its name', () => {
    const parameters = Object.keys({ ...formOf().columns, ...formOf().routing });
    const name = fc.oneof(fc.constantFrom(...parameters, 'status', 'Source', 'PASS', 'lead_id'), fc.string());
    fc.assert(
      fc.property(fc.dictionary(name, fc.constant('marked')), (data) => {
        const form = formWith(data);
        const sent = { ...form.columns, ...customFieldParameters(form), ...form.routing };
        const expected = { ...formOf().columns, ...formOf().routing };
        for (const parameter of parameters)
          expect(sent).toHaveProperty(parameter, Reflect.get(expected, parameter));
        for (const [field, value] of Object.entries(sent)) {
          if (value === 'marked') expect(field).not.toMatch(/^(source|user|pass|function|status|lead_id)$/i);
        }
      }),
    );
  });

  test('every value is sent, in a custom field or in the comments', () => {
    const word = fc.stringMatching(/^[a-z]{3}$/);
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        word,
        fc.array(tie('tree'), { maxLength: 2 }),
        fc.dictionary(word, tie('tree'), { maxKeys: 2 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(word, tree, { minKeys: 1, maxKeys: 2 }), (data) => {
        const form = formWith(data);
        const sent = [...Object.values(customFieldParameters(form)), ...form.comments].join(', ');
        JSON.stringify(data, (_name, value) => {
          if (typeof value === 'string') expect(sent).toContain(value);
          return value;
        });
      }),
    );
  });
});

test('a list can have its own duplicate check and source id', () => {
  const list = { duplicateCheck: 'DUPSYS', sourceId: 'WEB-1' };
  const form = formIfAny({}, { list });
  expect(form?.routing).toMatchObject({ duplicate_check: 'DUPSYS' });
  expect(form?.columns).toMatchObject({ source_id: 'WEB-1' });
});
