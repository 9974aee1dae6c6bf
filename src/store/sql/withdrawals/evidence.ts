import { formatTime } from '../../../text/time.ts';
import type { NewEvidence } from '../../evidence/evidence.ts';
import type { WithdrawalRecord } from '../../withdrawals.ts';
import { type Change, run } from '../database.ts';
import { recordEvidence } from '../evidence/pending.ts';
import { statement } from '../statement.ts';

/** What the evidence of a withdrawal contains. */
type DocumentedWithdrawal = Omit<WithdrawalRecord, 'nextAttemptAt'>;

const documentedWithdrawal = statement<DocumentedWithdrawal>(
  'documented_withdrawal',
  `SELECT withdrawal.lead_id AS "leadId", partner.name AS partner, lead_type.name AS type, lead.mobile, withdrawal.cause,
       withdrawal.requested_at AS "requestedAt", withdrawal.attempts, withdrawal.outcome, withdrawal.ended_at AS "endedAt",
       withdrawal.response
   FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id
   JOIN lead_type ON lead_type.id = lead.type_id JOIN partner ON partner.id = lead.partner_id
   WHERE withdrawal.lead_id = $1`,
);

/** Records in the evidence that the withdrawal of a lead has begun, or how it has ended. */
export function* recordWithdrawalEvidence(leadId: string): Change<void> {
  for (const withdrawal of yield* run(documentedWithdrawal, leadId)) {
    yield* recordEvidence(evidenceOf(withdrawal));
  }
}

/** Returns the evidence of the request of a withdrawal, or of its result. */
function evidenceOf(withdrawal: DocumentedWithdrawal): NewEvidence {
  const { leadId, partner, type, mobile, cause, requestedAt, attempts, outcome, endedAt, response } =
    withdrawal;
  return {
    kind: 'withdrawal',
    mobile,
    happenedAt: endedAt ?? requestedAt,
    content: {
      lead_id: leadId,
      partner,
      type,
      cause,
      requested_at: formatTime(requestedAt),
      outcome: outcome ?? 'requested',
      ...(outcome !== null && { response, attempts }),
    },
  };
}
