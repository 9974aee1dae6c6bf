import type { KeyHolder } from '../../../partners/partner.ts';
import {
  isActiveKey,
  isActivePartner,
  type KeyHolderRow,
  keyHolderOf,
  selectKeyHolders,
} from '../../sql/key-holder.ts';
import type { Entry } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';

const keyHolders: Statement = {
  name: 'key_holders',
  text: `${selectKeyHolders} WHERE digest = ANY ($1::text[]) AND ${isActiveKey('$2')} AND ${isActivePartner}`,
};

/** Returns a function that looks up the holders of a batch of keys by their digests. */
export function keyHolderLookup(
  database: PostgresDatabase,
): (entries: readonly Entry<string, KeyHolder | undefined>[]) => Promise<void> {
  return async (entries) => {
    const digests = [...new Set(entries.map(({ input }) => input))];
    const rows = await database.read<KeyHolderRow>(keyHolders, [digests, Date.now()]);
    const holders = new Map(rows.map((row) => [row.digest, keyHolderOf(row)]));
    for (const { input, resolve } of entries) resolve(holders.get(input));
  };
}
