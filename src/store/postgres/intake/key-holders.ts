import type { KeyHolder } from '../../../partners/partner.ts';
import { type LimitColumns, limitOf } from '../../sql/limit-columns.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';

const keyHolders: Statement = {
  name: 'key_holders',
  text: `
    SELECT digest, api_key.id AS "keyId", partner.id AS "partnerId", partner.name AS "partnerName",
      rate_limit AS "rateLimit", rate_burst AS "rateBurst"
    FROM api_key JOIN partner ON partner.id = api_key.partner_id
    WHERE digest = ANY ($1::text[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`,
};

interface KeyHolderRow extends LimitColumns {
  digest: string;
  keyId: string;
  partnerId: number;
  partnerName: string;
}

/** Returns a function that looks up the holders of a batch of keys by their digests. */
export function keyHolderLookup(
  database: PostgresDatabase,
): (entries: readonly Entry<string, KeyHolder | undefined>[]) => Promise<void> {
  return async (entries) => {
    const digests = [...new Set(entries.map(({ input }) => input))];
    const holders = new Map<string, KeyHolder>();
    for (const row of await database.read<KeyHolderRow>(keyHolders, [digests, Date.now()])) {
      const { digest, keyId, partnerId, partnerName } = row;
      const partner = { id: partnerId, name: partnerName };
      holders.set(digest, { keyId, digest, partner, limit: limitOf(row) });
    }
    for (const { input, resolve } of entries) resolve(holders.get(input));
  };
}
