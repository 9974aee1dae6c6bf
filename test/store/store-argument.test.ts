/** Every user of the machine can read command lines, so they must not contain passwords. */
import { expect, test } from 'vitest';
import { storeUrlOf } from '../../src/store/store-argument.ts';

const environment = { TARGET_URL: 'postgres://leads:secret@db.test/leads', EMPTY: '', OTHER: 'secret' };

test.each([
  ['sqlite:data/leads.db', 'sqlite:data/leads.db'],
  ['postgres://leads@db.test/leads?sslmode=require', 'postgres://leads@db.test/leads?sslmode=require'],
  ['postgres:///leads?service=leads', 'postgres:///leads?service=leads'],
  ['TARGET_URL', environment.TARGET_URL],
])('%s refers to the store %s', (argument, url) => {
  expect(storeUrlOf(argument, environment)).toBe(url);
});

test.each([
  ['postgres://leads:secret@db.test/leads', 'postgres://leads:***@db.test/leads contains a password'],
  [
    'postgres://db.test/leads?user=leads&password=secret',
    'postgres://db.test/leads?user=leads contains a password',
  ],
  ['postgres://db.test/leads?p%61ssword=secret', 'postgres://db.test/leads contains a password'],
  ['postgres://db.test/leads?sslpassword=secret', 'postgres://db.test/leads contains a password'],
  ['postgres://leads:se/cret@db.test/leads', 'postgres://... contains a password'],
  ['postgres://leads:12#secret@db.test/leads', 'postgres://... contains a password'],
  ['postgres://leads:secret@db.test:99999/leads', 'postgres://... contains a password'],
  ['mysql://root:secret@there', 'mysql://root:***@there contains a password'],
  ['mysql://there', 'mysql://there is not the URL of a store'],
  ['data/leads.db', 'data/leads.db is not the URL of a store'],
  ['NOTHING', 'Environment variable NOTHING is not set'],
  ['EMPTY', 'Environment variable EMPTY is not set'],
  ['OTHER', 'Environment variable OTHER does not contain the URL of a store'],
])('rejects %s: %s', (argument, message) => {
  const read = () => storeUrlOf(argument, environment);
  expect(read).toThrow(message);
  expect(read).not.toThrow(/secret|se\/cret/);
});
