import { Reply } from '../contract/reply.ts';
import type { CancellationOutcome } from '../leads/lead.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Intake } from '../store/intake.ts';
import type { Withdrawals } from '../store/withdrawals.ts';
import { inSpan } from '../telemetry/tracing.ts';
import { idempotencyKeyReused, replayedHeaders } from './idempotent.ts';
import { readMobile } from './mobile.ts';
import type { Operation } from './operation.ts';
import { maxWithdrawalWait, WithdrawalWait } from './withdrawal-wait.ts';

const reply = Reply.of<'cancelLead'>();

const serverError = reply(500, 'server-error', { cancelled: false, warning: 'server error (save)' });

const replies = repliesByOutcome();
const replayedReplies = repliesByOutcome(replayedHeaders);

/** What the operation needs of the store. */
export type CancellingStore = Pick<Intake, 'cancel'> &
  Pick<Withdrawals, 'onWithdrawal' | 'endedWithdrawals' | 'settleCancellation'>;

/**
 * POST /lead/cancel: cancels the partner's scheduled lead and stores the cancellation, regardless of its outcome. If
 * the lead is being withdrawn from the dialler, waits up to two seconds for the dialler's confirmation.
 */
export function cancelLead(store: CancellingStore, parsePhone: ParsePhone): Operation<'cancelLead'> {
  const wait = new WithdrawalWait(store);
  return {
    async run({ id, partner, keyId, body, text, receivedAt, idempotency }) {
      const startedAt = performance.now();
      const cancellation = {
        id,
        partnerId: partner.id,
        keyId,
        receivedAt,
        type: body.type,
        mobile: readMobile(body, parsePhone),
        content: text,
      };
      const result = await inSpan('commit', {}, () => store.cancel(cancellation, idempotency));
      if (result.outcome === 'idempotency-key-reused') return idempotencyKeyReused;
      const { outcome, isReplay } = result;
      const documented = isReplay ? replayedReplies : replies;
      if (outcome !== 'withdrawing') return documented[outcome];
      const { leadId } = result;
      await inSpan('withdrawal', {}, () =>
        wait.untilEnded(partner.id, leadId, startedAt + maxWithdrawalWait - performance.now()),
      );
      return documented[await store.settleCancellation(cancellation, leadId, idempotency?.key)];
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
