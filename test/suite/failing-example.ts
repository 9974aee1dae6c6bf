import { expect, test } from 'vitest';

test('fails', () => {
  expect('broken').toBe('whole');
});
