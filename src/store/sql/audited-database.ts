import type { Actor } from '../audit.ts';
import { auditedChange, entryOf } from './audit.ts';
import type { BoundStatement, Change, SqlDatabase } from './database.ts';
import type { SqlDialect, SqlStatement } from './statement.ts';

/** A database whose changes are recorded in the audit log while an operator acts, each in its own transaction. */
export class AuditedDatabase implements SqlDatabase {
  readonly read: SqlDatabase['read'];
  readonly #database: SqlDatabase;
  #actor: Actor | undefined;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.read = (statement, ...values) => database.read(statement, ...values);
  }

  /** Records all later changes as those of an operator. */
  actAs(actor: Actor): void {
    this.#actor = actor;
  }

  /** Checks that changes are recorded. @throws if no operator was set (see `actAs`) */
  requireActor(): void {
    if (this.#actor === undefined) throw new Error('No operator acts on the store (see `actAs`).');
  }

  change<Result>(begin: () => Change<Result>): Promise<Result> {
    const actor = this.#actor;
    return this.#database.change(() => withEntries(begin(), actor));
  }
}

/** The entry of a change that does not state its subject. */
const anyChange = ['store', null, null, null] as const;

/** Adds the audit entries of a change, or leaves them out if there is no actor. */
function* withEntries<Result>(change: Change<Result>, actor: Actor | undefined): Change<Result> {
  let isRecorded = false;
  let hasWritten = false;
  let state = change.next([]);
  while (!state.done) {
    const { statement, values } = state.value;
    if (statement === auditedChange) {
      isRecorded = true;
      if (actor !== undefined && values.length > 0) yield entryOf(actor, values);
      state = change.next([]);
    } else {
      hasWritten ||= actor !== undefined && isWrite(statement);
      state = change.next(yield state.value);
    }
  }
  if (actor !== undefined && hasWritten && !isRecorded) yield entryOf(actor, anyChange);
  return state.value;
}

const writes = new WeakMap<BoundStatement['statement'], boolean>();

/** Any dialect, because it does not decide whether a statement writes. */
const dialect: SqlDialect = {
  lock: () => '',
  lockAvailable: () => '',
  inList: (list) => `IN (${list})`,
  inQuery: (query) => `IN (${query})`,
  transactions: { start: '0', end: '0' },
  records: (array) => `json_each(${array}) AS sent`,
  claimableUntil: (now) => now,
  leaseStart: (now) => now,
};

function isWrite(statement: SqlStatement): boolean {
  const known = writes.get(statement);
  if (known !== undefined) return known;
  const isWriting = /\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b/.test(statement.textIn(dialect));
  writes.set(statement, isWriting);
  return isWriting;
}
