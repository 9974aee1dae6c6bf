import { expect, test } from 'vitest';

test('a test that fails', () => {
  expect('broken').toBe('whole');
});
