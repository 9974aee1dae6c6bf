import { uuidOf } from '../leads/identifier.ts';
import { submittedBody } from '../leads/submitted-fields.ts';
import type { CancellationRecord, RelatedCancellation } from '../store/records.ts';
import { formatTime } from '../text/time.ts';
import type { Output, View } from './output.ts';

/** Returns a cancellation as JSON. */
export function cancellationJson(cancellation: CancellationRecord) {
  return {
    id: cancellation.id,
    partner: cancellation.partner,
    type: cancellation.type,
    mobile: cancellation.mobile,
    received_at: formatTime(cancellation.receivedAt),
    request_id: uuidOf(cancellation.id),
    key_id: cancellation.keyId,
    outcome: cancellation.outcome,
    lead_id: cancellation.leadId,
    submitted: submittedBody(cancellation.content),
  };
}

/** A cancellation, with the id of the submission or lead to which it is related. */
export type RelatedCancellationRow = RelatedCancellation & { relatedId: string };

/** Returns the cancellations that are related to a submission or lead, each with its id. */
export function relatedCancellationRows(related: {
  id: string;
  cancellations: readonly RelatedCancellation[];
}): RelatedCancellationRow[] {
  return related.cancellations.map((cancellation) => ({ ...cancellation, relatedId: related.id }));
}

const relatedView: View<RelatedCancellationRow> = {
  columns: {
    'CANCELLATIONS FOR': (cancellation) => cancellation.relatedId,
    RECEIVED: (cancellation) => ({ time: cancellation.receivedAt }),
    ORDER: ({ isLater }) => (isLater ? 'later' : 'earlier'),
    PARTNER: ({ partner, isOwn }) => (isOwn ? `${partner} (same partner)` : partner),
    OUTCOME: (cancellation) => cancellation.outcome,
    LEAD: (cancellation) => cancellation.leadId ?? '-',
  },
  narrow: ['CANCELLATIONS FOR', 'RECEIVED', 'ORDER', 'PARTNER', 'OUTCOME'],
  json: relatedCancellationJson,
};

/** Description of the member `cancellations` of a result. */
export const relatedCancellationsMember =
  'stored cancellations of the same person and type, oldest first: `id`, `partner`, `received_at`, `outcome`, `lead_id`, `later` (received after it), `same_partner`';

/** Returns a related cancellation as JSON. */
export function relatedCancellationJson(cancellation: RelatedCancellation) {
  return {
    id: cancellation.id,
    partner: cancellation.partner,
    received_at: formatTime(cancellation.receivedAt),
    outcome: cancellation.outcome,
    lead_id: cancellation.leadId,
    later: cancellation.isLater,
    same_partner: cancellation.isOwn,
  };
}

/** Prints related cancellations as a table; nothing in JSON, because each result includes them. */
export async function printRelatedCancellations(
  output: Output,
  cancellations: readonly RelatedCancellationRow[],
): Promise<void> {
  if (cancellations.length === 0) return;
  await output.gap();
  await output.table(cancellations, relatedView, '');
}
