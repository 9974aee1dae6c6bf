import type { DatabaseSync } from 'node:sqlite';
import type { RejectedKey } from '../../../partners/key-state.ts';
import type { KeyHolder } from '../../../partners/partner.ts';
import { type KeyRow, keyOf, selectKeys } from '../../sql/key-holder.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';

/** Creates a look-up of key holders by digest that is cached for one event-loop tick. */
export function keyHolderLookup(
  database: DatabaseSync,
  queue: CommitQueue,
): (digest: string) => KeyHolder | RejectedKey | undefined {
  const cache = queue.cache<KeyHolder | RejectedKey>();
  const query = new Query<KeyRow>(database, `${selectKeys('?2')} WHERE digest = ?1`);
  return (digest) => {
    queue.checkUsable();
    return cache.get(digest, () => {
      const row = query.first(digest, Date.now());
      return row && keyOf(row);
    });
  };
}
