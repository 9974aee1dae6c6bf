import {
  type Actor,
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  type AuditSubject,
  type AuditValues,
  minAuditAge,
} from '../audit.ts';
import { inPages } from '../pages.ts';
import { stepSize } from '../steps.ts';
import type { AuditedDatabase } from './audited-database.ts';
import { type BoundStatement, type Change, run, type SqlDatabase } from './database.ts';
import { type SqlValue, statement } from './statement.ts';

/** Stands for the insertion of an audit entry: `AuditedDatabase` completes it, or leaves it out. Never run. */
export const auditedChange = statement('audited_change', '');

/**
 * States within a change what it changes, for the audit log. Without an operator, such as in a server, it has no
 * effect.
 *
 * @param before values that the change replaces; undefined: there was nothing
 * @param after values that it sets; undefined: there is nothing left
 */
export function* audit(subject: AuditSubject, before?: AuditValues, after?: AuditValues): Change<void> {
  yield* run(auditedChange, subject.kind, subject.id, jsonOf(before), jsonOf(after));
}

/**
 * States within a change that it needs no entry in the audit log, because its command has recorded itself. Without this
 * or `audit`, the change is recorded as one of the store.
 */
export function* auditedByCommand(): Change<void> {
  yield* run(auditedChange);
}

function jsonOf(values: AuditValues | undefined): string | null {
  return values === undefined ? null : JSON.stringify(values);
}

const insertEntry = statement(
  'insert_audit_entry',
  `INSERT INTO audit_entry (acted_at, operator, host, command, subject_kind, subject_id, value_before, value_after)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** Returns the insertion of an entry. @param values those that `audit` has bound */
export function entryOf({ operator, host, command }: Actor, values: readonly SqlValue[]): BoundStatement {
  return { statement: insertEntry, values: [Date.now(), operator, host, command, ...values] };
}

/** Keeps the audit log of a database. */
export function auditLog(database: AuditedDatabase): AuditLog {
  return {
    actAs: (actor) => database.actAs(actor),
    async recordAudit({ subject, before, after }) {
      database.requireActor();
      await database.change(() => audit(subject, before, after));
    },
    auditEntries: (filter, limit) => auditEntries(database, filter, limit),
    deleteAuditEntries: (before) => database.change(() => deleteEntries(before)),
  };
}

interface EntryRow extends Omit<AuditEntry, 'subject' | 'before' | 'after'> {
  kind: AuditSubject['kind'];
  subjectId: string | null;
  before: string | null;
  after: string | null;
}

const entriesOfPage = statement<EntryRow>(
  'audit_entries',
  `SELECT id, acted_at AS at, operator, host, command, subject_kind AS kind, subject_id AS "subjectId",
     value_before AS before, value_after AS after
   FROM audit_entry
   WHERE id < $1 AND (CAST($2 AS text) IS NULL OR operator = $2)
     AND (CAST($3 AS text) IS NULL OR command = $3 OR substr(command, 1, length($3) + 1) = $3 || ' ')
     AND (CAST($4 AS text) IS NULL OR subject_kind = $4) AND (CAST($5 AS text) IS NULL OR subject_id = $5)
     AND acted_at >= $6 AND acted_at < $7
   ORDER BY id DESC LIMIT $8`,
);

function auditEntries(
  database: SqlDatabase,
  { operator, command, kind, subjectId, from, before }: AuditFilter,
  limit: number,
): AsyncGenerator<AuditEntry> {
  const all = Number.MAX_SAFE_INTEGER;
  return inPages<AuditEntry>(limit, async (last, size) => {
    const conditions = [operator, command, kind, subjectId].map((value) => value ?? null);
    const times = [from ?? 0, before ?? all];
    return (await database.read(entriesOfPage, last?.id ?? all, ...conditions, ...times, size)).map(entryIn);
  });
}

function entryIn({ kind, subjectId, before, after, ...entry }: EntryRow): AuditEntry {
  return { ...entry, subject: { kind, id: subjectId }, before: valuesIn(before), after: valuesIn(after) };
}

function valuesIn(json: string | null): AuditValues | null {
  return json === null ? null : JSON.parse(json);
}

const deleteOldEntries = statement(
  'delete_audit_entries',
  ({ inQuery }) => `
    DELETE FROM audit_entry
    WHERE id ${inQuery('SELECT id FROM audit_entry WHERE acted_at < $1 ORDER BY id LIMIT $2')} RETURNING id`,
);

function* deleteEntries(before: number): Change<number> {
  yield* auditedByCommand();
  // A minute less, because the clock of the database may differ.
  const oldest = Date.now() - minAuditAge - 60_000;
  return (yield* run(deleteOldEntries, Math.min(before, oldest), stepSize)).length;
}
