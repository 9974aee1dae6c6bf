import { newIdentifier } from './identifier.ts';

/** A request that passed validation. It is saved, whatever becomes of it. */
export interface Submission {
  id: string;
  partnerId: number;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** The lead type's name, as sent. */
  type: string;
  /** E.164. */
  mobile: string;
  /** Seconds by which the call is put off. */
  delays: number;
  /** The whole request body as it was sent: JSON text. */
  content: string;
  /** Where the trace of the request goes on (W3C Trace Context, `traceparent`); not saved with the submission. */
  trace?: string | undefined;
}

/** By what a partner names a lead of its own. */
export interface PersonAndType {
  partnerId: number;
  /** The lead type's name, as sent. */
  type: string;
  /** E.164. */
  mobile: string;
}

/** Gives a submission its identifier. `id` sorts by `receivedAt`. */
export function newSubmission(submission: Omit<Submission, 'id'>): Submission {
  return { id: newIdentifier(submission.receivedAt), ...submission };
}

/**
 * When the lead of a submission is to be called, in milliseconds since 1970. The delay counts from
 * the moment that the partner asked, so a submission that is replayed days later is due at once.
 */
export function callDueAt(submission: Submission, acceptedAt: number): number {
  return Math.max(acceptedAt, submission.receivedAt + submission.delays * 1000);
}
