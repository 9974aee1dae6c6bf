import { UserError } from '../errors/user-error.ts';
import { isPrintable } from '../text/terminal.ts';
import { isInvisible } from '../text/visible.ts';
import type { PartnerLimit } from './rate-limit.ts';

/** An organisation that sends leads. */
export interface Partner {
  id: number;
  name: string;
}

/** A valid key and the partner that holds it. */
export interface KeyHolder {
  keyId: string;
  /** Digest of the key. */
  digest: string;
  partner: Partner;
  limit: PartnerLimit;
  /** Maximum number of leads of the partner that are accepted on one day (UTC); null: no limit. */
  dailyQuota: number | null;
  /** Maximum priority of the partner's leads. */
  maxPriority: number;
  /** Whether it is a test key: its requests are about test data, which are in a store of their own. */
  isTest: boolean;
}

/**
 * Maximum length of a name (characters). The contract defines it for lead types (`LeadType`); it also applies to
 * partners.
 */
const maxNameLength = 64;

/**
 * Checks a name that an operator chose.
 *
 * @throws {UserError} if requests cannot contain it, or if a screen cannot display it unambiguously
 */
export function checkName(what: 'lead type' | 'partner', name: string): void {
  const isTrimmed = name.trim() === name;
  const isShort = [...name].length <= maxNameLength;
  if (isTrimmed && isShort && isPrintable(name) && !isInvisible(name)) return;
  throw new UserError(
    `${JSON.stringify(name)} is not a valid name for a ${what}. Choose 1 to ${maxNameLength} visible characters without white space at the start or end.`,
  );
}
