import type { RejectedKey } from '../../../partners/key-state.ts';
import type { KeyHolder } from '../../../partners/partner.ts';
import { type KeyRow, keyOf, selectKeys } from '../../sql/key-holder.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';

const keyHolders: Statement = {
  name: 'key_holders',
  text: `${selectKeys('$2')} WHERE digest = ANY ($1::text[])`,
};

/** Returns a function that looks up the holders of a batch of keys by their digests. */
export function keyHolderLookup(
  database: PostgresDatabase,
): (entries: readonly Entry<string, KeyHolder | RejectedKey | undefined>[]) => Promise<void> {
  return async (entries) => {
    const digests = [...new Set(entries.map(({ input }) => input))];
    const rows = await database.read<KeyRow>(keyHolders, [digests, Date.now()]);
    const keys = new Map(rows.map((row) => [row.digest, keyOf(row)]));
    for (const { input, resolve } of entries) resolve(keys.get(input));
  };
}
