import type { Partner } from '../partners/partner.ts';
import type { PartnerLimit } from '../partners/rate-limit.ts';

/** A partner, as operators see it. */
export interface PartnerRecord extends Partner {
  createdAt: number;
  /** When it was suspended; null: it is not suspended. */
  suspendedAt: number | null;
  /** When it was deleted; null: it is not deleted. */
  deletedAt: number | null;
  /** Names of the types that are granted to it. */
  types: string[];
  /** Number of its keys that are neither revoked nor expired. While it is suspended, the server rejects them too. */
  keys: number;
  limit: PartnerLimit;
  /** Maximum number of leads that are accepted on one day (UTC); null: no limit. */
  dailyQuota: number | null;
  /** Maximum priority of its leads. */
  maxPriority: number;
  /** Number of its leads that were accepted today (UTC), recorded every few seconds. */
  acceptedToday: number;
}

/**
 * Partners, and the types granted to them. Each method throws a `UserError` for a name that does not exist, and, except
 * for `deletePartner`, for that of a deleted partner.
 */
export interface Partners {
  /**
   * Adds a partner and grants it the types, or does neither.
   *
   * @throws {UserError} if a partner has this name, or had it when it was deleted, or if a type is retired
   */
  addPartner(name: string, types: readonly string[]): Promise<Partner>;
  /** Lists partners by name, including deleted ones. */
  partners(): AsyncIterable<PartnerRecord>;
  /** Grants a type to a partner. Has no effect if it is granted already. @throws {UserError} if the type is retired */
  grantType(partner: string, type: string): Promise<void>;
  /**
   * Stops accepting leads of a type from a partner, which can still cancel those that it has sent. Has no effect if the
   * grant is revoked already.
   *
   * @throws {UserError} if the type was never granted to it
   */
  revokeType(partner: string, type: string): Promise<void>;
  /** Sets the rate limit of each of a partner's keys. */
  limitPartner(partner: string, limit: PartnerLimit): Promise<void>;
  /** Sets how many leads of a partner are accepted on one day (UTC). @param quota null: no limit */
  setDailyQuota(partner: string, quota: number | null): Promise<void>;
  /** Sets the maximum priority of leads that a partner adds from now on. @param priority from 0 to 9: no maximum */
  setMaxPriority(partner: string, priority: number): Promise<void>;
  /** Rejects all keys of a partner until `resumePartner`. Has no effect if it is suspended already. */
  suspendPartner(partner: string): Promise<void>;
  /** Undoes `suspendPartner`. @throws {UserError} if the partner is not suspended */
  resumePartner(partner: string): Promise<void>;
  /**
   * Deletes a partner for good: revokes its keys and its types. Its name, leads and submissions stay. Has no effect if
   * it is deleted already.
   */
  deletePartner(partner: string): Promise<void>;
}
