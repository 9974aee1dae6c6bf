import { submittedBody } from '../leads/submitted-fields.ts';
import type { CancellationRecord, RelatedCancellation } from '../store/store.ts';
import { type Output, time, type View } from './output.ts';

export const cancellationView: View<CancellationRecord> = {
  columns: {
    CANCELLATION: (cancellation) => cancellation.id,
    RECEIVED: (cancellation) => time(cancellation.receivedAt),
    PARTNER: (cancellation) => cancellation.partner,
    TYPE: (cancellation) => cancellation.type,
    MOBILE: (cancellation) => cancellation.mobile,
    OUTCOME: (cancellation) => cancellation.outcome,
    LEAD: (cancellation) => cancellation.leadId ?? '-',
  },
  json: (cancellation) => ({
    id: cancellation.id,
    partner: cancellation.partner,
    type: cancellation.type,
    mobile: cancellation.mobile,
    received_at: time(cancellation.receivedAt),
    outcome: cancellation.outcome,
    lead_id: cancellation.leadId,
    submitted: submittedBody(cancellation.content),
  }),
};

/** A cancellation that stands against a submission or a lead, and the id of what it stands against. */
export type OpposingCancellation = RelatedCancellation & { againstId: string };

const opposingView: View<OpposingCancellation> = {
  columns: {
    'CANCELLATION AGAINST': (cancellation) => cancellation.againstId,
    RECEIVED: (cancellation) => time(cancellation.receivedAt),
    ORDER: ({ isLater }) => (isLater ? 'later' : 'earlier'),
    PARTNER: ({ partner, isOwn }) => (isOwn ? `${partner} (the same)` : partner),
    OUTCOME: (cancellation) => cancellation.outcome,
    LEAD: (cancellation) => cancellation.leadId ?? '-',
  },
  json: relatedJson,
};

export function relatedJson(cancellation: RelatedCancellation): object {
  return {
    id: cancellation.id,
    partner: cancellation.partner,
    received_at: time(cancellation.receivedAt),
    outcome: cancellation.outcome,
    lead_id: cancellation.leadId,
    later: cancellation.isLater,
    same_partner: cancellation.isOwn,
  };
}

/** Shows people the cancellations that stand against what a command was asked for; scripts get them with each result. */
export async function showOpposing(
  output: Output,
  standing: readonly OpposingCancellation[],
  json: boolean,
): Promise<void> {
  if (json || standing.length === 0) return;
  await output.gap();
  await output.list(standing, opposingView, '');
}
