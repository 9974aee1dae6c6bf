import { inPages } from '../../pages.ts';
import type { WithdrawalFilter, WithdrawalRecord } from '../../withdrawals.ts';
import type { SqlDatabase } from '../database.ts';
import { afterAllIds } from '../id-pages.ts';
import { statement } from '../statement.ts';

/** Counts the withdrawals that have not succeeded (see `Withdrawals.withdrawalStats`). */
export const withdrawalCounts = statement<{ open: number; openSince: number | null; failed: number }>(
  'withdrawal_counts',
  `SELECT count(*) AS open, min(requested_at) AS "openSince",
     (SELECT count(*) FROM withdrawal WHERE outcome = 'failed') AS failed
   FROM withdrawal WHERE outcome IS NULL`,
);

const selectWithdrawals = `
  SELECT withdrawal.lead_id AS "leadId", partner.name AS partner, lead_type.name AS type, lead.mobile,
    withdrawal.cause, withdrawal.requested_at AS "requestedAt", withdrawal.attempts,
    CASE WHEN withdrawal.outcome IS NULL AND withdrawal.claim IS NULL
      AND (lead.state <> 'withdrawing' OR lead.claim IS NULL) THEN withdrawal.next_attempt_at END AS "nextAttemptAt",
    withdrawal.outcome, withdrawal.ended_at AS "endedAt", withdrawal.response
  FROM withdrawal JOIN lead ON lead.id = withdrawal.lead_id
  JOIN lead_type ON lead_type.id = lead.type_id JOIN partner ON partner.id = lead.partner_id`;

/** Condition: whether a withdrawal is open or has failed. */
const needsAttention = `(withdrawal.outcome IS NULL OR withdrawal.outcome = 'failed')`;

/** Finds the withdrawal of a lead (see `Withdrawals.withdrawalOf`). */
export const withdrawalOfLead = statement<WithdrawalRecord>(
  'withdrawal_of_lead',
  `${selectWithdrawals} WHERE withdrawal.lead_id = $1`,
);

/** Lists withdrawals (see `Withdrawals.withdrawals`). */
export function listWithdrawals(
  database: SqlDatabase,
  { state, mobile }: WithdrawalFilter,
  limit: number,
): AsyncGenerator<WithdrawalRecord> {
  const conditions = ['withdrawal.lead_id < $1'];
  if (mobile !== undefined) conditions.push('lead.mobile = $3');
  else if (state === undefined) conditions.push(needsAttention);
  else if (state === 'open') conditions.push('withdrawal.outcome IS NULL');
  else conditions.push('withdrawal.outcome = $3');
  const values = [mobile ?? (state === 'open' ? undefined : state)].filter((value) => value !== undefined);
  // Has no name, because its text depends on the filter.
  const page = statement<WithdrawalRecord>(
    '',
    `${selectWithdrawals} WHERE ${conditions.join(' AND ')} ORDER BY withdrawal.lead_id DESC LIMIT $2`,
  );
  return inPages<WithdrawalRecord>(limit, (last, size) =>
    database.read(page, last?.leadId ?? afterAllIds, size, ...values),
  );
}
