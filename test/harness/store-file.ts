import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../src/store/sqlite/file/database.ts';
import { closeStore } from '../../src/store/sqlite/file/lifecycle.ts';
import { migrate } from '../../src/store/sqlite/file/migrate.ts';

/** The file of an empty store: running the migrations takes most of the time of a short test. */
let emptyStore: Buffer | undefined;

/** Creates the file of an empty SQLite store in a directory. Returns its path. */
export function newStoreFile(directory: string): string {
  const file = join(directory, 'leads.db');
  if (emptyStore === undefined) {
    const database = openDatabase(file);
    migrate(database);
    closeStore(database, file);
    emptyStore = readFileSync(file);
  } else writeFileSync(file, emptyStore, { mode: 0o600 });
  return file;
}
