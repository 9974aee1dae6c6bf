import type { ParsePhone } from '../leads/phone.ts';

/**
 * Returns the E.164 form of the phone number in a validated body.
 *
 * @throws {Error} if the number cannot be parsed although it passed validation
 */
export function readMobile({ mobile }: { mobile: string }, parsePhone: ParsePhone): string {
  const e164 = parsePhone(mobile);
  if (e164 === undefined) throw new Error('A phone number passed validation but cannot be parsed.');
  return e164;
}
