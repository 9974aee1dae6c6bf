/** Lists are sorted by identifier, and lists of a period start at a bound between two identifiers. */
import { expect, test } from 'vitest';
import { identifierBound, newIdentifier } from '../../src/leads/identifier.ts';

const now = Date.UTC(2100, 0, 1);

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
