import { isClaimable, isDiallerUsable } from '../delivery-pauses.ts';

/**
 * Condition: whether pauses allow a withdrawal to be claimed. After an objection or erasure, it does not wait for an
 * operator to resume delivery.
 *
 * @param now parameter for the time (ms since 1970)
 */
export function isAllowedByPauses(now: string): string {
  return `(${isClaimable(now)} OR withdrawal.cause IN ('objection', 'erasure') AND ${isDiallerUsable(now)})`;
}
