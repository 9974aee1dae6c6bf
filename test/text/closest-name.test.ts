import { expect, test } from 'vitest';
import { closestName, typingDistance } from '../../src/text/closest-name.ts';

test.each([
  ['acem', 'acme'],
  ['caem', undefined],
  ['hous', 'house'],
  ['Huose', 'house'],
  ['ab', undefined],
  ['', undefined],
])('suggests for %o, with letters that have changed places counted once: %o', (name, expected) => {
  expect(closestName(name, ['house', 'acme'], undefined, typingDistance)).toBe(expected);
});

test('counts letters that have changed places twice by default, as messages to partners do', () => {
  expect(closestName('acem', ['acme'])).toBeUndefined();
});

test('counts neighbours that have changed places, and other wrong letters', () => {
  const distance = (one: string, other: string) => typingDistance(one, other, { maxDistance: 9 });
  expect(distance('acme', 'acme')).toBe(0);
  expect(distance('acem', 'acme')).toBe(1);
  expect(distance('acemx', 'acme')).toBe(2);
  expect(distance('abc', 'xyz')).toBe(3);
  expect(distance('', 'ab')).toBe(2);
});
