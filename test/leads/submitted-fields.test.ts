import { expect, test } from 'vitest';
import { submittedBody, submittedFields } from '../../src/leads/submitted-fields.ts';

const john = { email: 'john.doe@test.com', first_name: 'John', surname: 'Doe' };

test.each([
  ['missing', undefined],
  ['null', null],
  ['empty', ''],
  ['white space', ' \t'],
  ['invisible', '\u200b\u3164'],
])('treats an optional field that is %s as missing', (_how, blank) => {
  const content = JSON.stringify({ ...john, subtype: blank, other_phone: blank });
  expect(submittedFields(content)).toEqual({
    email: john.email,
    firstName: 'John',
    surname: 'Doe',
    subtype: undefined,
    otherPhone: undefined,
    data: undefined,
  });
  expect(submittedBody(content)).toEqual(JSON.parse(content));
});

test('reads optional fields, and the JSON in data', () => {
  const optional = { subtype: ' valeter ', other_phone: '020 7946 0958', data: '{"make":"Ford"}' };
  expect(submittedFields(JSON.stringify({ ...john, ...optional }))).toMatchObject({
    subtype: ' valeter ',
    otherPhone: '020 7946 0958',
    data: { make: 'Ford' },
  });
});
