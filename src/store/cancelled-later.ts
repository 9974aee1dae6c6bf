import { UserError } from '../errors/user-error.ts';
import { preventsCall } from '../leads/cancellation.ts';
import { formatTime } from '../text/time.ts';
import type { RelatedCancellation } from './records.ts';

/** The partner of a submission or lead cancelled it later, so it is not scheduled unless the operator forces it. */
export class CancelledLater extends UserError {
  /** Every stored cancellation of the person and type, oldest first. */
  readonly cancellations: readonly RelatedCancellation[];

  constructor(sentence: string, cancellations: readonly RelatedCancellation[]) {
    super(sentence);
    this.cancellations = cancellations;
  }
}

/**
 * Checks that no cancellation prevents a call.
 *
 * @param subject what would be scheduled, such as `Submission 01k83s0kq3m4hn7c2v1a`
 * @throws {CancelledLater} if its partner cancelled later
 */
export function checkNotCancelled(subject: string, cancellations: readonly RelatedCancellation[]): void {
  const last = cancellations.findLast(preventsCall);
  if (last === undefined) return;
  throw new CancelledLater(
    `${subject} was not scheduled: its partner ${JSON.stringify(last.partner)} requested a cancellation at ${formatTime(last.receivedAt)} (outcome: ${last.outcome}). Add --force to schedule it anyway.`,
    cancellations,
  );
}
