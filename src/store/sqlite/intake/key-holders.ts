import type { DatabaseSync } from 'node:sqlite';
import type { KeyHolder } from '../../../partners/partner.ts';
import { type LimitColumns, limitOf } from '../../sql/limit-columns.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';

interface KeyHolderRow extends LimitColumns {
  keyId: string;
  digest: string;
  partnerId: number;
  partnerName: string;
}

/** Creates a look-up of key holders by digest that is cached for one event-loop tick. */
export function keyHolderLookup(
  database: DatabaseSync,
  queue: CommitQueue,
): (digest: string) => KeyHolder | undefined {
  const cache = queue.cache<KeyHolder>();
  const query = new Query<KeyHolderRow>(
    database,
    `SELECT api_key.id AS keyId, digest, partner.id AS partnerId, partner.name AS partnerName,
       rate_limit AS rateLimit, rate_burst AS rateBurst
     FROM api_key JOIN partner ON partner.id = api_key.partner_id
     WHERE digest = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
  );
  return (digest) =>
    cache.get(digest, () => {
      const row = query.first(digest, Date.now());
      if (row === undefined) return undefined;
      const partner = { id: row.partnerId, name: row.partnerName };
      return { keyId: row.keyId, digest: row.digest, partner, limit: limitOf(row) };
    });
}
