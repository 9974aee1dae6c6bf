import type { DatabaseSync } from 'node:sqlite';
import type { KeyHolder } from '../../../partners/partner.ts';
import {
  isActiveKey,
  isActivePartner,
  type KeyHolderRow,
  keyHolderOf,
  selectKeyHolders,
} from '../../sql/key-holder.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';

/** Creates a look-up of key holders by digest that is cached for one event-loop tick. */
export function keyHolderLookup(
  database: DatabaseSync,
  queue: CommitQueue,
): (digest: string) => KeyHolder | undefined {
  const cache = queue.cache<KeyHolder>();
  const query = new Query<KeyHolderRow>(
    database,
    `${selectKeyHolders} WHERE digest = ?1 AND ${isActiveKey('?2')} AND ${isActivePartner}`,
  );
  return (digest) => {
    queue.checkUsable();
    return cache.get(digest, () => {
      const row = query.first(digest, Date.now());
      return row && keyHolderOf(row);
    });
  };
}
