import type { KeyHolder } from '../../partners/partner.ts';
import { type LimitColumns, limitOf } from './limit-columns.ts';

/** Condition: whether a row of `api_key` is neither revoked nor expired. @param now parameter, such as `$1` */
export const isActiveKey = (now: string) =>
  `api_key.revoked_at IS NULL AND (api_key.expires_at IS NULL OR api_key.expires_at > ${now})`;

/** Condition: whether the keys of a row of `partner` are accepted. */
export const isActivePartner = 'partner.suspended_at IS NULL AND partner.deleted_at IS NULL';

/** Selects keys with their holders. Each store adds its own WHERE clause. */
export const selectKeyHolders = `
  SELECT digest, api_key.id AS "keyId", partner.id AS "partnerId", partner.name AS "partnerName",
    rate_limit AS "rateLimit", rate_burst AS "rateBurst"
  FROM api_key JOIN partner ON partner.id = api_key.partner_id`;

/** A row of `selectKeyHolders`. */
export interface KeyHolderRow extends LimitColumns {
  digest: string;
  keyId: string;
  partnerId: number;
  partnerName: string;
}

/** Converts a row to a key holder. */
export function keyHolderOf({ digest, keyId, partnerId, partnerName, ...limit }: KeyHolderRow): KeyHolder {
  return { keyId, digest, partner: { id: partnerId, name: partnerName }, limit: limitOf(limit) };
}
