import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../../errors/user-error.ts';
import type { HeldCount } from '../../held-leads.ts';
import { countScheduledLeads } from '../../sql/held-leads.ts';
import { descriptorOf } from './descriptors.ts';
import { latestMigration } from './migrate.ts';
import { isInUse, isStoreFile, migrationOf, versionInFile } from './version.ts';

/** What a backup contains. */
export interface BackupSummary {
  /** Number of its last migration: if it is not that of this version, a restore migrates the copy. */
  migration: number;
  /** Scheduled leads, which a restore holds. */
  scheduled: HeldCount;
  /** Number of leads that are held since an earlier restore. */
  held: number;
  /** When its last submission or cancellation was received (ms since 1970); null: it has none. */
  lastReceivedAt: number | null;
}

/**
 * Checks that a file is a complete and undamaged backup of a store, without changing it.
 *
 * @param now milliseconds since 1970
 * @throws {UserError} if it is not, or a newer version made it
 */
export function checkBackup(file: string, now: number): BackupSummary {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new UserError(`The backup ${file} does not exist or is not a file. Check the path.`);
  }
  const migration = closedMigration(file);
  if (migration > latestMigration) {
    throw new UserError(
      `The backup ${file} has migration ${migration}, and this version knows migrations up to ${latestMigration}: a newer version made it. Run the \`leads\` command of that version.`,
    );
  }
  try {
    return { migration, ...readSummary(file, now) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(damaged(file, error));
  }
}

const damaged = (file: string, reason: unknown) =>
  `The backup ${file} is damaged (${reason instanceof Error ? reason.message : String(reason)}). Use another backup.`;

/** Returns the migration of a store that was closed, so that it has no log. */
function closedMigration(file: string): number {
  const descriptor = descriptorOf(file);
  const version = versionInFile(descriptor);
  if (version === undefined || !isStoreFile(descriptor)) {
    throw new UserError(
      `${file} is not a backup of a store. Use a file that \`leads store backup\` has made.`,
    );
  }
  const hasLog = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  if (!isInUse(version) && !hasLog) return migrationOf(version);
  throw new UserError(
    `${file} was copied while it was in use, or is in use: it may lack its last leads. Use a file that \`leads store backup\` has made.`,
  );
}

function readSummary(file: string, now: number): Omit<BackupSummary, 'migration'> {
  // Immutable: SQLite creates no files next to the backup, whose directory may be read-only.
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  const database = new DatabaseSync(url, { readOnly: true });
  try {
    const found = database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check'];
    if (found !== 'ok') throw new UserError(damaged(file, found));
    const counts = database.prepare(countScheduledLeads('?')).get(now);
    const held = database.prepare(`SELECT count(*) AS leads FROM lead WHERE state = 'held'`).get();
    const last = database
      .prepare('SELECT received_at AS at FROM submission ORDER BY sequence DESC LIMIT 1')
      .get();
    return {
      scheduled: { leads: Number(counts?.['leads']), mayHaveArrived: Number(counts?.['mayHaveArrived']) },
      held: Number(held?.['leads']),
      lastReceivedAt: last === undefined ? null : Number(last['at']),
    };
  } finally {
    database.close();
  }
}
