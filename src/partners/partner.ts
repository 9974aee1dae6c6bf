import { UserError } from '../errors/user-error.ts';
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

/** The contract's limit for a type (`LeadType` in openapi.yaml); partners are held to the same. */
const maxNameLength = 64;

/** @throws {UserError} if a partner could not send `name`, or nobody could tell it from another on a screen */
export function checkName(what: 'lead type' | 'partner', name: string): void {
  const isTrimmed = name.trim() === name && [...name].length <= maxNameLength;
  if (isTrimmed && isPrintable(name) && !isInvisible(name)) return;
  throw new UserError(
    `The name of a ${what} has 1 to ${maxNameLength} visible characters and no white space at its ends: ${JSON.stringify(name)} does not fit.`,
  );
}
