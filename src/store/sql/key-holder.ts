import type { KeyState, RejectedKey } from '../../partners/key-state.ts';
import type { KeyHolder } from '../../partners/partner.ts';
import { type LimitColumns, limitOf } from './limit-columns.ts';

/** Condition: whether a row of `api_key` is neither revoked nor expired. @param now parameter, such as `$1` */
export const isActiveKey = (now: string) =>
  `api_key.revoked_at IS NULL AND (api_key.expires_at IS NULL OR api_key.expires_at > ${now})`;

/** Condition: whether the keys of a row of `partner` are accepted. */
export const isActivePartner = 'partner.suspended_at IS NULL AND partner.deleted_at IS NULL';

/**
 * The `KeyState` of a row of `api_key` with its partner. What cannot be undone is reported first.
 *
 * @param now parameter, such as `$1`
 */
export const keyState = (now: string) =>
  `CASE WHEN partner.deleted_at IS NOT NULL THEN 'deleted' WHEN api_key.revoked_at IS NOT NULL THEN 'revoked'
     WHEN api_key.expires_at <= ${now} THEN 'expired' WHEN partner.suspended_at IS NOT NULL THEN 'suspended'
     ELSE 'active' END`;

/** Selects keys, even rejected ones, with their holders. Each store adds its own WHERE clause. @param now parameter */
export const selectKeys = (now: string) => `
  SELECT digest, ${keyState(now)} AS state, api_key.id AS "keyId", partner.id AS "partnerId", partner.name AS "partnerName",
    rate_limit AS "rateLimit", rate_burst AS "rateBurst", daily_quota AS "dailyQuota", max_priority AS "maxPriority",
    is_test AS "isTest"
  FROM api_key JOIN partner ON partner.id = api_key.partner_id`;

/** A row of `selectKeys`. */
export interface KeyRow extends LimitColumns {
  digest: string;
  state: KeyState;
  keyId: string;
  partnerId: number;
  partnerName: string;
  dailyQuota: number | null;
  maxPriority: number;
  /** SQLite: 0 or 1. */
  isTest: boolean | 0 | 1;
}

/** Converts a row to the holder of a valid key, or to a rejected key. */
export function keyOf(row: KeyRow): KeyHolder | RejectedKey {
  const { digest, state, keyId, partnerId, partnerName, dailyQuota, maxPriority, isTest, ...limit } = row;
  const key = { keyId, digest, partner: { id: partnerId, name: partnerName } };
  return state === 'active'
    ? { ...key, limit: limitOf(limit), dailyQuota, maxPriority, isTest: Boolean(isTest) }
    : { ...key, reason: state };
}
