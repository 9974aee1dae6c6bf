import { Reply } from '../contract/reply.ts';
import { newCancellation } from '../leads/cancellation.ts';
import type { CancellationOutcome } from '../leads/lead.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import { inSpan } from '../telemetry/tracing.ts';
import { idempotencyKeyReused, replayed } from './idempotent.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'cancelLead'>();

const failed = reply(500, 'server-error', { cancelled: false, warning: 'server error (save)' });

const replies = repliesTo();
const repliesBefore = repliesTo(replayed);

/** POST /lead/cancel: cancels a lead of the partner while its call is still to come, and stores the cancellation. */
export function cancelLead(intake: Intake, parsePhone: ParsePhone): Operation<'cancelLead'> {
  return {
    async run({ partner, body, text, receivedAt, idempotency }) {
      const mobile = parsePhone(body.mobile);
      if (mobile === undefined) throw new Error('A phone number passed validation and cannot be read.');
      const cancellation = newCancellation({
        partnerId: partner.id,
        receivedAt,
        type: body.type,
        mobile,
        content: text,
      });
      const cancelled = await inSpan('commit', {}, () => intake.cancel(cancellation, idempotency));
      if (cancelled.outcome === 'idempotency-key-reused') return idempotencyKeyReused;
      return (cancelled.isReplay ? repliesBefore : replies)[cancelled.outcome];
    },
    failed,
  };
}

/** What became of a request to cancel, as it is told. */
function repliesTo(headers?: typeof replayed): Record<CancellationOutcome, Reply<'cancelLead'>> {
  const because = (
    outcome: CancellationOutcome,
    warning: 'not found' | 'already processed' | 'server error (call group)',
  ) => reply(200, headers ? 'replayed' : outcome, { cancelled: false, warning }, headers);
  return {
    cancelled: reply(200, headers ? 'replayed' : 'cancelled', { cancelled: true }, headers),
    'not-found': because('not-found', 'not found'),
    'already-processed': because('already-processed', 'already processed'),
    'unknown-type': because('unknown-type', 'server error (call group)'),
  };
}
