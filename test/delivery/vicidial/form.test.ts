/** An agent reads everything that the partner sent, in VICIdial's fields or in the comments. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leadForm } from '../../../src/delivery/diallers/vicidial/form.ts';
import type { ListSettings } from '../../../src/delivery/diallers/vicidial/settings.ts';
import { type NumberForm, phoneParser } from '../../../src/leads/phone.ts';
import { claimedLead } from '../claimed-lead.ts';

const parsePhone = phoneParser('GB');

interface Changes {
  partner?: string;
  list?: Partial<ListSettings>;
  numberForm?: NumberForm;
  letters?: 'latin' | 'all';
}

/** Returns the form of a lead, of which the partner also sent some fields. */
function formOf(
  submitted: object = {},
  { partner = 'acme', list, numberForm = 'national', letters = 'latin' }: Changes = {},
) {
  return leadForm(
    claimedLead(submitted, { partner }),
    { list: '1001', customFields: undefined, hopperPriority: undefined, ...list },
    {
      url: new URL('https://vicidial.test/'),
      user: 'leadsapi',
      password: 'correct horse',
      lists: new Map(),
      numberForm,
      duplicateCheck: 'DUPCAMP90DAY',
      letters,
    },
    parsePhone,
  );
}

/** Returns the form of a lead with `data`. */
function formWith(data: unknown, customFields?: Record<string, string>) {
  return formOf({ data: JSON.stringify(data) }, { list: { customFields } });
}

test('a lead without optional fields has neither comments nor custom fields nor a hopper priority', () => {
  expect(formOf()).toStrictEqual({
    fields: {
      phone_number: '07840258823',
      phone_code: '44',
      list_id: '1001',
      vendor_lead_code: '01k83s0kq3m4hn7c2v1a',
      source_id: 'acme',
      duplicate_check: 'DUPCAMP90DAY',
      list_exists_check: 'Y',
      dnc_check: 'Y',
      first_name: 'John',
      last_name: 'Doe',
      email: 'john.doe@test.com',
    },
    hasTruncatedComments: false,
  });
});

test.each([0, -99, 99])(
  'a lead of a list with the hopper priority %i enters the hopper',
  (hopperPriority) => {
    expect(formOf({}, { list: { hopperPriority } }).fields).toMatchObject({
      add_to_hopper: 'Y',
      hopper_priority: String(hopperPriority),
    });
  },
);

test('the id of a long partner name is cut to the length of the field', () => {
  expect(formOf({}, { partner: 'p'.repeat(51) }).fields['source_id']).toBe('p'.repeat(50));
});

describe('a name', () => {
  test.each([
    ['first_name', 'first name'],
    ['surname', 'surname'],
  ])('in %s that is too long is repeated in full in the comments', (member, label) => {
    const field = member === 'surname' ? 'last_name' : member;
    const longest = formOf({ [member]: 'n'.repeat(30) }).fields;
    expect([longest[field], longest['comments']]).toEqual(['n'.repeat(30), undefined]);
    const longer = formOf({ [member]: `${'n'.repeat(29)} nnn` });
    expect([longer.fields[field], longer.fields['comments']]).toEqual([
      'n'.repeat(29),
      `${label}: ${'n'.repeat(29)} nnn`,
    ]);
    expect(longer.hasTruncatedComments).toBe(false);
  });
});

describe('an e-mail address', () => {
  test('of up to 70 characters has its own field, a longer one is in the comments', () => {
    const longest = `${'e'.repeat(61)}@test.com`;
    expect(longest).toHaveLength(70);
    expect(formOf({ email: longest }).fields).toMatchObject({ email: longest });
    const { fields } = formOf({ email: `e${longest}` });
    expect(fields['comments']).toBe(`e-mail: e${longest}`);
    expect(fields).not.toHaveProperty('email');
  });

  test('that VICIdial would change is in the comments, because mail to another address would be lost', () => {
    const { fields } = formOf({ email: 'john+tag@test.com' });
    expect(fields['comments']).toBe('e-mail: john plus tag@test.com');
    expect(fields).not.toHaveProperty('email');
  });
});

describe('another phone number', () => {
  test('of up to 12 digits has its own field, a longer one is in the comments', () => {
    expect(formOf({ other_phone: '020 7946 0958' }, { numberForm: 'international' }).fields).toMatchObject({
      alt_phone: '442079460958',
    });
    const { fields } = formOf({ other_phone: '+49 1512 3456789' }, { numberForm: 'international' });
    expect(fields['comments']).toBe('other phone: 4915123456789');
    expect(fields).not.toHaveProperty('alt_phone');
  });
});

test.each([
  ['latin', 'Zoe'],
  ['all', 'Zoë'],
] as const)('with DIALLER_LETTERS=%s, Zoë is sent as %s', (letters, expected) => {
  const data = JSON.stringify({ name: 'Zoë' });
  const { fields } = formOf(
    { first_name: 'Zoë', subtype: 'Zoë', data },
    { letters, list: { customFields: undefined } },
  );
  expect(fields).toMatchObject({ first_name: expected, name: expected, comments: `subtype: ${expected}` });
});

test('adds the subtype to the comments, and sends no blank optional fields', () => {
  expect(formOf({ subtype: ' valeter ' }).fields['comments']).toBe('subtype: valeter');
  expect(formOf({ subtype: ' ', other_phone: '' }).fields).toStrictEqual(formOf().fields);
});

test('comments of exactly the maximum length are not truncated', () => {
  const label = 'subtype: ';
  const longest = formOf({ subtype: 'x'.repeat(255 - label.length) });
  expect([longest.fields['comments']?.length, longest.hasTruncatedComments]).toEqual([255, false]);
  const longer = formOf({ subtype: 'x'.repeat(256 - label.length) });
  expect([longer.fields['comments']?.length, longer.hasTruncatedComments]).toEqual([255, true]);
});

describe('data', () => {
  test('nested members have the joined names, and lists of plain values are joined by commas', () => {
    const { fields } = formWith({
      colours: ['red', 'blue', 3, true],
      cars: [{ make: 'Ford' }, 'van'],
      at: { city: 'York', none: null, empty: [] },
    });
    expect(fields).toMatchObject({
      custom_fields: 'Y',
      colours: 'red, blue, 3, true',
      cars_0_make: 'Ford',
      cars_1: 'van',
      at_city: 'York',
    });
    expect(fields).not.toHaveProperty('at_none');
    expect(fields).not.toHaveProperty('comments');
  });

  test('a list instead of an object is the field data; a list of objects is in the comments', () => {
    expect(formWith(['red', 'blue']).fields).toMatchObject({ custom_fields: 'Y', data: 'red, blue' });
    expect(formWith([{ make: 'Ford' }, { make: 'Audi' }]).fields['comments']).toBe(
      '0_make: Ford, 1_make: Audi',
    );
    expect(formWith('red').fields).toMatchObject({ data: 'red' });
  });

  test('a member of the prototype is not a custom field', () => {
    const { fields } = formWith({ constructor: 'Ford' }, { make: 'vehicle_make' });
    expect(fields['comments']).toBe('constructor: Ford');
    expect(fields).not.toHaveProperty('custom_fields');
  });

  test('no member overrides a parameter of add_lead, whatever its name', () => {
    const parameters = Object.keys(formOf().fields).filter((name) => name !== 'email');
    const name = fc.oneof(fc.constantFrom(...parameters, 'status', 'Source', 'PASS'), fc.string());
    fc.assert(
      fc.property(fc.dictionary(name, fc.constant('marked')), (data) => {
        const { fields } = formWith(data);
        for (const parameter of parameters) expect(fields[parameter]).toBe(formOf().fields[parameter]);
        for (const [field, value] of Object.entries(fields)) {
          if (value === 'marked') expect(field).not.toMatch(/^(source|user|pass|function|status)$/i);
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
        const { fields, hasTruncatedComments } = formWith(data);
        fc.pre(!hasTruncatedComments);
        const sent = Object.values(fields).join(', ');
        JSON.stringify(data, (_name, value) => {
          if (typeof value === 'string') expect(sent).toContain(value);
          return value;
        });
      }),
    );
  });
});
