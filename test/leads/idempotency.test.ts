/** A repeated request is recognised by its content, and another one under the same key is not replayed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprintOf } from '../../src/leads/idempotency.ts';

const field = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
const body = fc.dictionary(fc.string(), field, { minKeys: 1 });

test('the order of the fields does not change the fingerprint', () => {
  fc.assert(
    fc.property(body, (fields) => {
      const reversed = Object.fromEntries(Object.entries(fields).reverse());
      expect(fingerprintOf('addLead', reversed)).toBe(fingerprintOf('addLead', fields));
    }),
  );
});

test('another operation, value or field changes the fingerprint', () => {
  const fingerprint = fingerprintOf('addLead', { mobile: '07840258823', delays: 0 });
  expect(fingerprint).toMatch(/^[\w-]{43}$/);
  for (const other of [
    fingerprintOf('cancelLead', { mobile: '07840258823', delays: 0 }),
    fingerprintOf('addLead', { mobile: '07840258823', delays: '0' }),
    fingerprintOf('addLead', { mobile: '07840258823', delays: 1 }),
    fingerprintOf('addLead', { mobile: '07840258823' }),
  ]) {
    expect(other).not.toBe(fingerprint);
  }
});
