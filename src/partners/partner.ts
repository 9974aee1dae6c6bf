import { isPrintable } from '../text/terminal.ts';
import { isInvisible } from '../text/visible.ts';
import type { PartnerLimit } from './rate-limit.ts';

/** Who sends leads. */
export interface Partner {
  id: number;
  name: string;
}

/** The holder of a key that is good. */
export interface KeyHolder {
  keyId: string;
  /** What the store keeps of the key. */
  digest: string;
  partner: Partner;
  limit: PartnerLimit;
}

/**
 * Something that the operator asked for and that cannot be. The message is one plain sentence that
 * says what to do instead.
 */
export class Mistake extends Error {
  override readonly name = 'Mistake';
}

/** The contract's limit for a type (`LeadType` in openapi.yaml); partners are held to the same. */
const longestName = 64;

/** @throws {Mistake} if a partner could not send `name`, or nobody could tell it from another on a screen */
export function checkName(what: 'lead type' | 'partner', name: string): void {
  const isTrimmed = name.trim() === name && [...name].length <= longestName;
  if (isTrimmed && isPrintable(name) && !isInvisible(name)) return;
  throw new Mistake(
    `The name of a ${what} has 1 to ${longestName} visible characters and no white space at its ends: ${JSON.stringify(name)} does not fit.`,
  );
}
