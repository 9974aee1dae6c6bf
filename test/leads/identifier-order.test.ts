/** Lists are sorted by identifier, and lists of a period start at a bound between two identifiers. */
import { beforeEach, expect, test, vi } from 'vitest';
import { identifierBound, identifierOfUuid, uuidOf } from '../../src/leads/identifier.ts';

const now = Date.UTC(2100, 0, 1);

/** Of a new process, in which no identifier has been made: the time of the latest one would replace an earlier time. */
let newIdentifier: (now?: number) => string;

beforeEach(async () => {
  vi.resetModules();
  ({ newIdentifier } = await import('../../src/leads/identifier.ts'));
});

test('more identifiers than one suffix allows in a millisecond are unique, sorted and equally long', () => {
  const made = Array.from({ length: 5_000 }, () => newIdentifier(now));
  expect(new Set(made).size).toBe(5_000);
  expect(made.toSorted()).toEqual(made);
  for (const identifier of made) expect(identifier).toMatch(/^[0-9a-v]{20}$/);
});

test('a bound sorts after the identifiers before a time, and before those from then on', () => {
  const [before, at] = [newIdentifier(now + 1), newIdentifier(now + 2)];
  const bound = identifierBound(now + 2);
  expect(before < bound && bound < at).toBe(true);
  expect(identifierBound(-1)).toBe(identifierBound(0));
});

test('an identifier as a UUID is one of version 7, sorts like the identifier, and leads back to it', () => {
  const made = Array.from({ length: 5_000 }, () => newIdentifier());
  made.push(`${identifierBound(0)}${'v'.repeat(10)}`, `${identifierBound(now)}${'0'.repeat(10)}`);
  const uuids = made.map(uuidOf);
  for (const uuid of uuids)
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(uuids.map(identifierOfUuid)).toEqual(made);
  expect(made.toSorted().map(uuidOf)).toEqual(uuids.toSorted());
  expect(uuids.at(-1)).toBe(
    `${now.toString(16).padStart(12, '0').replace(/^.{8}/, '$&-')}-7000-8000-000000000000`,
  );
});

test.each([
  '0f8e2f3c-5d0a-4b7e-9c53-6a1f0e1d2c3b',
  '019ab3c4-d5e6-7abc-8def-012345000001',
  '019ab3c4-d5e6-7abc-cdef-012345000000',
  'nonsense',
])('%s is not the UUID of an identifier', (text) => {
  expect(identifierOfUuid(text)).toBeUndefined();
});
