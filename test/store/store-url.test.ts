/** The URL of a store appears in logs and errors without its password. */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { isSameStore, isStoreUrl, redactedUrl } from '../../src/store/store-url.ts';
import { temporaryDirectory } from '../harness/server.ts';

test.each([
  [
    'postgres://leads:secret@db.test:5432/leads?sslmode=require',
    'postgres://leads:***@db.test:5432/leads?sslmode=require',
  ],
  ['postgresql://leads@db.test/leads?password=secret', 'postgresql://leads@db.test/leads'],
  ['postgres://db.test/leads', 'postgres://db.test/leads'],
  ['sqlite:data/leads.db', 'sqlite:data/leads.db'],
  ['mysql://root:secret@there', 'mysql://root:***@there'],
  ['postgres://leads:secret@db.test:99999/leads', 'postgres://...'],
  ['postgres://leads:se/cret@db.test/leads', 'postgres://...'],
  ['postgres://leads:12#secret@db.test/leads', 'postgres://...'],
  ['postgres://db.test/leads?p%61ssword=a&sslpassword=b', 'postgres://db.test/leads'],
])('redacts %s to %s', (url, shown) => {
  expect(redactedUrl(url)).toBe(shown);
});

test.each([
  ['sqlite:leads.db', true],
  ['sqlite::memory:', true],
  ['sqlite:', false],
  ['postgres://db.test/leads', true],
  ['postgres://leads:12#34@db.test/leads', false],
  ['postgres://leads:12%2334@db.test/leads', true],
  ['postgres://', false],
  ['postgres:leads', false],
  ['leads.db', false],
])('recognises whether %s is the URL of a store: %s', (url, names) => {
  expect(isStoreUrl(url)).toBe(names);
});

test('recognises the same SQLite file by another path or a symbolic link', () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'leads.db');
  writeFileSync(file, '');
  symlinkSync(file, join(directory, 'link.db'));
  const urls = [file, relative('.', file), join(directory, 'link.db')].map((path) => `sqlite:${path}`);
  for (const url of urls) expect(isSameStore(`sqlite:${file}`, url), url).toBe(true);
  for (const url of [`sqlite:${file}.copy`, 'sqlite::memory:', `postgres://db.test${file}`]) {
    expect(isSameStore(`sqlite:${file}`, url), url).toBe(false);
  }
});
