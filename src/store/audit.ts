/** Who changes a store, and with which command. */
export interface Actor {
  /** The operating-system user, or LEADS_OPERATOR. */
  operator: string;
  /** Name of the machine. */
  host: string;
  /** The command without its arguments, such as `partner limit`. */
  command: string;
}

/** Kinds of things that operators change. */
export const auditKinds = [
  'type',
  'partner',
  'key',
  'lead',
  'submission',
  'pause',
  'setting',
  'suppression',
  'registry',
  'person',
  'store',
] as const;

export type AuditKind = (typeof auditKinds)[number];

/** What was changed. */
export interface AuditSubject {
  kind: AuditKind;
  /** Its name or id, never a phone number; null: the store as a whole, or several things. */
  id: string | null;
}

/** Members that a change has set or replaced, without personal data. */
export type AuditValues = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** A change by an operator. */
export interface AuditedChange {
  subject: AuditSubject;
  /** Undefined: there was nothing before, or it is not known. */
  before?: AuditValues;
  /** Undefined: there is nothing left. */
  after?: AuditValues;
}

/** A recorded change. */
export interface AuditEntry extends Required<Actor> {
  id: number;
  /** Milliseconds since 1970. */
  at: number;
  subject: AuditSubject;
  before: AuditValues | null;
  after: AuditValues | null;
}

/** Restricts a list of audit entries. A missing member does not restrict it. */
export interface AuditFilter {
  operator?: string;
  /** A command, or the first words of several. */
  command?: string;
  kind?: AuditKind;
  subjectId?: string;
  /** Earliest time (ms since 1970). */
  from?: number;
  /** Time before which it was (ms since 1970). */
  before?: number;
}

/**
 * Age below which the database itself refuses to delete an audit entry (ms): six years. The triggers of both stores
 * contain it.
 */
export const minAuditAge = 2_192 * 86_400_000;

/** The changes that operators have made. The database refuses to change an entry, and to delete a recent one. */
export interface AuditLog {
  /**
   * Records every later change through this object as one of an operator. Each is recorded in its transaction: with its
   * subject if the change states it, otherwise as a change of the store.
   */
  actAs(actor: Actor): void;
  /** Records a change that has no transaction. @throws if no operator was set (see `actAs`) */
  recordAudit(change: AuditedChange): Promise<void>;
  /** Lists changes, newest first. */
  auditEntries(filter: AuditFilter, limit: number): AsyncIterable<AuditEntry>;
  /**
   * Deletes a limited number of entries that were made before a time, unless they are younger than `minAuditAge`.
   * Returns their number. 0: none is left.
   *
   * @param before milliseconds since 1970
   */
  deleteAuditEntries(before: number): Promise<number>;
}
