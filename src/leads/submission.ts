import type { Opening } from './calling-hours/calling-hours.ts';
import type { WaitCause } from './wait-cause.ts';

/** In place of the id of a key: an operator imported the submission from a file. Ids of keys have another form. */
export const importedKeyId = 'import';

/** A request to add a lead that passed validation. It is stored regardless of its outcome. */
export interface Submission {
  /** The identifier of its request, whose Request-Id is `uuidOf(id)`. Identifiers sort by `receivedAt`. */
  id: string;
  partnerId: number;
  /** Id of the key that it was sent with; `importedKeyId`; null: unknown. */
  keyId: string | null;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** Name of the lead type, as sent. */
  type: string;
  /** E.164. */
  mobile: string;
  /** Delay of the call (s). */
  delays: number;
  /** Complete request body as sent (JSON text). */
  content: string;
  /** When calling hours permit the call, if that is later than requested. Not stored with the submission. */
  opening?: Opening | undefined;
  /** Trace that the delivery continues (W3C Trace Context, `traceparent`); not stored with the submission. */
  trace?: string | undefined;
}

/** When a lead is due. */
export interface DueTime {
  /** Milliseconds since 1970. */
  dueAt: number;
  /** What the lead waits for until then; null: nothing but the requested time. */
  waitsFor: WaitCause | null;
}

/**
 * Returns when the lead of a submission is due. The delay starts when the submission is received, so the lead of a
 * submission that is re-run days later is due immediately. If the clock was fast when it was received, the delay starts
 * now. If calling hours do not permit the call at that time, the lead is due at their next opening.
 */
export function dueTimeOf(
  { receivedAt, delays, opening }: Pick<Submission, 'receivedAt' | 'delays' | 'opening'>,
  acceptedAt: number,
): DueTime {
  const requestedAt = requestedTime({ receivedAt, delays }, acceptedAt);
  return opening?.waitsFor !== undefined && opening.opensAt > requestedAt
    ? { dueAt: opening.opensAt, waitsFor: opening.waitsFor }
    : { dueAt: requestedAt, waitsFor: null };
}

/** Returns the time for which the call of a submission is requested (ms since 1970). */
export function requestedTime(
  { receivedAt, delays }: Pick<Submission, 'receivedAt' | 'delays'>,
  acceptedAt: number,
): number {
  return Math.max(acceptedAt, Math.min(receivedAt, acceptedAt) + delays * 1_000);
}
