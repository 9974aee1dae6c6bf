/** A request to cancel that passed validation. Like a submission, it is stored regardless of its outcome. */
export interface Cancellation {
  /** The identifier of its request, whose Request-Id is `uuidOf(id)`. */
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
  /** Complete request body as sent (JSON text). */
  content: string;
}

/** How a stored cancellation relates to a submission of the same person and type. */
export interface CancellationOrder {
  /** Whether the store received the cancellation after the submission. */
  isLater: boolean;
  /** Whether both were sent by the same partner. */
  isOwn: boolean;
}

/**
 * Returns whether a cancellation prevents a re-run of the submission and a retry of its lead, unless the operator
 * forces it. The outcome of the cancellation does not matter: either way, the partner no longer wants the call.
 */
export function preventsCall({ isLater, isOwn }: CancellationOrder): boolean {
  return isLater && isOwn;
}
