import type { DatabaseSync } from 'node:sqlite';
import type { Tables } from '../tables.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

/** Adds rows that are copied from another store. */
export function sqliteTableWriter(database: DatabaseSync, queue: CommitQueue): Pick<Tables, 'addRows'> {
  return {
    addRows({ name, columns }, rows) {
      const insert = new Query(
        database,
        `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
         ON CONFLICT DO NOTHING`,
      );
      return queue.write(() => {
        for (const row of rows) insert.run(...row);
      });
    },
  };
}
