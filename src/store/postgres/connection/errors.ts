import pg from 'pg';

/** No connection could be made, so nothing was sent. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected';
  /** Whether a retry would fail too, such as after a wrong password. */
  readonly isPermanent: boolean;

  constructor(message: string, options: ErrorOptions, isPermanent: boolean) {
    super(message, options);
    this.isPermanent = isPermanent;
  }
}

/** The connection ended, or no response arrived in time, after a statement was sent. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Returns the message of an error of the driver without a full stop, or its code if it has no message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // If a host has several addresses and none responds, the error has no message itself.
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map(reasonOf).join(', ');
  const code = 'code' in error ? String(error.code) : error.name;
  return error.message.replace(/\.$/, '') || code;
}

/** SQLSTATE of a write that a standby, or a server set to read-only, refuses. */
const readOnly = '25006';

/**
 * Kind of failure of a statement that is its own transaction: `transient` (rolled back, and a retry may succeed),
 * `permanent` (rolled back, and a retry would fail too) or `unknown` (it may have been committed).
 */
export type FailureKind = 'transient' | 'permanent' | 'unknown';

/**
 * SQLSTATEs (PostgreSQL's appendix A) of transient failures: serialization failure, deadlock, a server that is no
 * longer the primary, too many connections, a server that is starting.
 */
const transient = new Set(['40001', '40P01', readOnly, '53300', '57P03']);

/** SQLSTATEs of errors after which the server closes the connection. */
const connectionEnded = /^(08|57P0[12]|57P05|25P03)/;

/** Classifies an error thrown by a statement that is its own transaction. */
export function failureKind(error: unknown): FailureKind {
  if (error instanceof NotConnected) return error.isPermanent ? 'permanent' : 'transient';
  if (error instanceof ConnectionLost) return 'unknown';
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return 'permanent';
  if (connectionEnded.test(error.code)) return 'unknown';
  return transient.has(error.code) ? 'transient' : 'permanent';
}

/** Returns whether the connection must not be reused: it ended, or leads to a server that is not the primary. */
export function breaksConnection(error: unknown): boolean {
  if (failureKind(error) === 'unknown') return true;
  return isReadOnly(error);
}

/** Returns whether the server refused a write because it is a standby, or set to read-only. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === readOnly;
}

/**
 * Returns whether a single row made the statement fail (classes 22 and 23), so that the others may succeed without it.
 */
export function isRowError(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '');
}

/** Returns whether the statement violated a unique index. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505';
}

/** Returns whether another server has just committed an idempotency record for a key in this statement. */
export function isIdempotencyConflict(error: unknown): boolean {
  return (
    isUniqueViolation(error) &&
    error instanceof pg.DatabaseError &&
    error.constraint === 'idempotency_record_key'
  );
}
