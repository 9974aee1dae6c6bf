import type { Statement } from './database.ts';
import { latestMigration } from './migrate.ts';

/** The SQLSTATE of the error that `isCurrent` raises, from the function `refuse_outdated_server`. */
export const newerSchema = 'LE001';

/**
 * A condition for statements that write: true if no newer version has migrated the store; otherwise it raises an error.
 * Its lock on the table `migration` lasts until the statement is committed, so no write of an older server is committed
 * after a migration. It belongs into the last query of a statement, so that this lock is the last one, as it is when the
 * store is migrated: neither can then wait for the other. As a subquery it is evaluated once, before any row is looked at.
 */
export const isCurrent = `(
  SELECT CASE WHEN max(number) <= ${latestMigration} THEN true
    ELSE refuse_outdated_server(max(number), ${latestMigration}) END
  FROM schema_migration)`;

/** A statement that writes, unless a newer version has migrated the store. */
export interface WriteStatement extends Statement {
  checksVersion: true;
}

/** @throws if the text does not contain `isCurrent` */
export function writeStatement(name: string, text: string): WriteStatement {
  if (!text.includes(isCurrent))
    throw new Error(`The statement ${name} writes without checking \`isCurrent\`.`);
  return { name, text, checksVersion: true };
}
