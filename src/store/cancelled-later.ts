import { UserError } from '../errors/user-error.ts';
import { preventsCall } from '../leads/cancellation.ts';
import type { RelatedCancellation } from './store.ts';

/** The partner of a submission or lead has cancelled it since, so nobody may be called unless the operator insists. */
export class CancelledLater extends UserError {
  /** Every stored cancellation of the person and type, the oldest first. */
  readonly cancellations: readonly RelatedCancellation[];

  constructor(sentence: string, cancellations: readonly RelatedCancellation[]) {
    super(sentence);
    this.cancellations = cancellations;
  }
}

/**
 * @param what is to be called for, such as `submission 01k83s0kq3m4hn7c2v1a`
 * @throws {CancelledLater} if its partner has cancelled since
 */
export function checkNotCancelled(what: string, cancellations: readonly RelatedCancellation[]): void {
  const last = cancellations.findLast(preventsCall);
  if (last === undefined) return;
  const at = new Date(last.receivedAt).toISOString();
  throw new CancelledLater(
    `The ${what} was not scheduled: its partner ${JSON.stringify(last.partner)} cancelled at ${at} (${last.outcome}). Add --force to schedule it anyway.`,
    cancellations,
  );
}
