/** A request to add a lead that passed validation. It is stored regardless of its outcome. */
export interface Submission {
  /** The identifier of its request, whose Request-Id is `uuidOf(id)`. Identifiers sort by `receivedAt`. */
  id: string;
  partnerId: number;
  /** Id of the key that it was sent with; null: unknown. */
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
  /** Trace that the delivery continues (W3C Trace Context, `traceparent`); not stored with the submission. */
  trace?: string | undefined;
}

/**
 * Returns when the lead of a submission is due (ms since 1970). The delay starts when the submission is received, so
 * the lead of a submission that is re-run days later is due immediately. If the clock was fast when it was received, the
 * delay starts now.
 */
export function callDueAt(
  { receivedAt, delays }: Pick<Submission, 'receivedAt' | 'delays'>,
  acceptedAt: number,
): number {
  return Math.max(acceptedAt, Math.min(receivedAt, acceptedAt) + delays * 1_000);
}
