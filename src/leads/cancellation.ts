import { newIdentifier } from './identifier.ts';

/** A request to cancel that passed validation. It is stored whatever its outcome, as a submission is. */
export interface Cancellation {
  id: string;
  partnerId: number;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** Name of the lead type, as sent. */
  type: string;
  /** E.164. */
  mobile: string;
  /** The whole request body as it was sent: JSON text. */
  content: string;
}

/** Gives a cancellation its identifier. */
export function newCancellation(cancellation: Omit<Cancellation, 'id'>): Cancellation {
  return { id: newIdentifier(cancellation.receivedAt), ...cancellation };
}

/** How a stored cancellation relates to a submission of the same person and type. */
export interface CancellationOrder {
  /** Whether the store received the cancellation after the submission. */
  isLater: boolean;
  /** Whether the partner that sent the submission sent the cancellation too. */
  isOwn: boolean;
}

/**
 * Whether a cancellation keeps a submission from being re-run, and its lead from being retried, unless the operator
 * insists. Its outcome does not matter: the partner asked that nobody calls.
 */
export function preventsCall({ isLater, isOwn }: CancellationOrder): boolean {
  return isLater && isOwn;
}
