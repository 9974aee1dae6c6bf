import type { Opening } from './calling-hours/calling-hours.ts';
import type { Schedule } from './submitted-fields.ts';
import type { WaitCause } from './wait-cause.ts';

/** In place of the id of a key: an operator imported the submission from a file. Ids of keys have another form. */
export const importedKeyId = 'import';

/** Maximum priority that a lead can have, as openapi.yaml defines it. */
export const maxPriority = 9;

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
  /** Delay of the call (s). With `callAt`, the time until then, rounded up. */
  delays: number;
  /** Complete request body as sent (JSON text). */
  content: string;
  /** When the call is requested (ms since 1970). Undefined: after the delay. Stored only with the content. */
  callAt?: number | undefined;
  /** When it is too late to call (ms since 1970). Undefined: never. Stored with the lead. */
  expiresAt?: number | undefined;
  /** How soon the lead is delivered among those that are due, up to 9. Undefined: 0. Stored with the lead. */
  priority?: number | undefined;
  /** When calling hours permit the call, if that is later than requested. Not stored with the submission. */
  opening?: Opening | undefined;
  /** Trace that the delivery continues (W3C Trace Context, `traceparent`); not stored with the submission. */
  trace?: string | undefined;
}

/**
 * Returns the members of a submission that differ from those of a submission without a schedule.
 *
 * @param maxPriority maximum priority of the partner's leads
 */
export function scheduleOf(
  { callAt, expiresAt, priority }: Schedule,
  { receivedAt }: Pick<Submission, 'receivedAt'>,
  maxPriority: number,
): Partial<Submission> {
  return {
    ...(callAt !== undefined && {
      callAt,
      delays: Math.max(0, Math.ceil((callAt - receivedAt) / 1_000)),
    }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(priority !== undefined && { priority: Math.min(priority, maxPriority) }),
  };
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
  submission: Pick<Submission, 'receivedAt' | 'delays' | 'callAt' | 'opening'>,
  acceptedAt: number,
): DueTime {
  const { opening } = submission;
  const requestedAt = requestedTime(submission, acceptedAt);
  return opening?.waitsFor !== undefined && opening.opensAt > requestedAt
    ? { dueAt: opening.opensAt, waitsFor: opening.waitsFor }
    : { dueAt: requestedAt, waitsFor: null };
}

/** Returns the time for which the call of a submission is requested (ms since 1970). */
export function requestedTime(
  { receivedAt, delays, callAt }: Pick<Submission, 'receivedAt' | 'delays' | 'callAt'>,
  acceptedAt: number,
): number {
  return Math.max(acceptedAt, callAt ?? Math.min(receivedAt, acceptedAt) + delays * 1_000);
}
