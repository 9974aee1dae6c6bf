import { Reply } from '../contract/reply.ts';
import type { CancellationOutcome } from '../leads/lead.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import { inSpan } from '../telemetry/tracing.ts';
import { idempotencyKeyReused, replayedHeaders } from './idempotent.ts';
import { readMobile } from './mobile.ts';
import type { Operation } from './operation.ts';

const reply = Reply.of<'cancelLead'>();

const serverError = reply(500, 'server-error', { cancelled: false, warning: 'server error (save)' });

const replies = repliesByOutcome();
const replayedReplies = repliesByOutcome(replayedHeaders);

/** POST /lead/cancel: cancels the partner's scheduled lead and stores the cancellation, regardless of its outcome. */
export function cancelLead(intake: Intake, parsePhone: ParsePhone): Operation<'cancelLead'> {
  return {
    async run({ id, partner, keyId, body, text, receivedAt, idempotency }) {
      const cancellation = {
        id,
        partnerId: partner.id,
        keyId,
        receivedAt,
        type: body.type,
        mobile: readMobile(body, parsePhone),
        content: text,
      };
      const result = await inSpan('commit', {}, () => intake.cancel(cancellation, idempotency));
      if (result.outcome === 'idempotency-key-reused') return idempotencyKeyReused;
      return (result.isReplay ? replayedReplies : replies)[result.outcome];
    },
    serverError,
  };
}

function repliesByOutcome(
  headers?: typeof replayedHeaders,
): Record<CancellationOutcome, Reply<'cancelLead'>> {
  const notCancelled = (
    outcome: CancellationOutcome,
    warning: 'not found' | 'already processed' | 'server error (call group)',
  ) => reply(200, outcome, { cancelled: false, warning }, headers);
  return {
    cancelled: reply(200, 'cancelled', { cancelled: true }, headers),
    'not-found': notCancelled('not-found', 'not found'),
    'already-processed': notCancelled('already-processed', 'already processed'),
    'unknown-type': notCancelled('unknown-type', 'server error (call group)'),
  };
}
