import type { Cancellation } from '../../src/leads/cancellation.ts';
import { newIdentifier } from '../../src/leads/identifier.ts';
import type { Submission } from '../../src/leads/submission.ts';

/** A submission or cancellation as a test creates it, without what the server adds to every request. */
type Sent<Kind extends Submission | Cancellation> = Omit<Kind, 'id' | 'keyId'> &
  Partial<Pick<Kind, 'id' | 'keyId'>>;

/** Returns a submission with the identifier of a new request. */
export function newSubmission(sent: Sent<Submission>): Submission {
  return { id: newIdentifier(sent.receivedAt), keyId: null, ...sent };
}

/** Returns a cancellation with the identifier of a new request. */
export function newCancellation(sent: Sent<Cancellation>): Cancellation {
  return { id: newIdentifier(sent.receivedAt), keyId: null, ...sent };
}
