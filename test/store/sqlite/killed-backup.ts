import { existsSync, mkdirSync, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { finished, spawnProgram } from '../../harness/process.ts';

/** What a backup that was killed during the copy left behind. */
export interface KilledBackup {
  signal: NodeJS.Signals | null;
  /** Whether there is a file under its final name. */
  exists: boolean;
  /** Names of the files in its directory. */
  names: string[];
}

/** Fills a store so that copying it takes a moment, then kills `leads store backup` once it has copied some of it. */
export async function killBackup(file: string, directory: string): Promise<KilledBackup> {
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE ballast (bytes BLOB) STRICT; INSERT INTO ballast VALUES (zeroblob(100000000))');
  database.close();
  mkdirSync(directory);
  const copy = join(directory, 'copy.db');
  const child = spawnProgram('src/cli.ts', ['store', 'backup', copy], { DATABASE_URL: `sqlite:${file}` });
  const watcher = watch(directory, () => {
    if (sizesIn(directory).some((size) => size > 0)) child.kill('SIGKILL');
  });
  await finished(child);
  watcher.close();
  return { signal: child.signalCode, exists: existsSync(copy), names: readdirSync(directory) };
}

function sizesIn(directory: string): number[] {
  const files = readdirSync(directory).map((name) =>
    statSync(join(directory, name), { throwIfNoEntry: false }),
  );
  return files.map((file) => file?.size ?? 0);
}
