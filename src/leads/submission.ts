import { newIdentifier } from './identifier.ts';

/** A request to add a lead that passed validation. It is stored regardless of its outcome. */
export interface Submission {
  id: string;
  partnerId: number;
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
  /** Trace that the delivery continues (W3C Trace Context, `traceparent`); not stored with the submission. */
  trace?: string | undefined;
}

/** Assigns an identifier to a submission. Identifiers sort by `receivedAt`. */
export function newSubmission(submission: Omit<Submission, 'id'>): Submission {
  return { id: newIdentifier(submission.receivedAt), ...submission };
}

/**
 * Returns when the lead of a submission is due (ms since 1970). The delay starts when the submission is received, so
 * the lead of a submission that is re-run days later is due immediately.
 */
export function callDueAt(submission: Pick<Submission, 'receivedAt' | 'delays'>, acceptedAt: number): number {
  return Math.max(acceptedAt, submission.receivedAt + submission.delays * 1000);
}
