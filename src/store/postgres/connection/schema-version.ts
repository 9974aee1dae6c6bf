import type { Statement } from './database.ts';
import { latestMigration } from './migrate.ts';

/** SQLSTATE of the error that `isCurrent` raises through the function `refuse_outdated_server`. */
export const newerSchema = 'LE001';

/**
 * Condition for statements that write: true unless a newer version has migrated the store, in which case it raises an
 * error. Reading `schema_migration` locks it until the commit, so an older server cannot commit a write after a
 * migration. Use the condition in the last query of a statement: a migration takes this lock last too, so the two
 * cannot deadlock. As an uncorrelated subquery it is evaluated once.
 */
export const isCurrent = `(
  SELECT CASE WHEN max(number) <= ${latestMigration} THEN true
    ELSE refuse_outdated_server(max(number), ${latestMigration}) END
  FROM schema_migration)`;

/** A statement that writes and checks the schema version. */
export interface WriteStatement extends Statement {
  checksVersion: true;
}

/** Creates a statement that writes. @throws if the text does not contain `isCurrent` */
export function writeStatement(name: string, text: string): WriteStatement {
  if (!text.includes(isCurrent))
    throw new Error(`The statement ${name} writes but does not contain \`isCurrent\`.`);
  return { name, text, checksVersion: true };
}
