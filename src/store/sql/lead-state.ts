/** Conditions on the state of a lead, in SQL. */

/** Whether a lead failed and the dialler may have it. It stays active until an operator resolves it. */
export const isUndecided = `(lead.state = 'failed' AND lead.ended_order = 0)`;

/** Whether a scheduled lead has had an attempt, and none is in flight. The index `lead_waiting` contains these leads. */
export const isBetweenAttempts = `(lead.state = 'scheduled' AND lead.attempts > 0 AND lead.claim IS NULL)`;

/**
 * Whether the dialler may have a scheduled lead of a backup: because of an earlier attempt, an attempt in flight, or a
 * delivery after the backup was made. A lead that became due after the restore cannot have been delivered.
 *
 * @param restoredAt parameter, such as `$1`
 */
export function mayHaveArrivedSince(restoredAt: string): string {
  return `(lead.may_have_arrived OR lead.claim IS NOT NULL OR lead.next_attempt_at < ${restoredAt})`;
}

/**
 * Whether a partner can cancel a lead: it has not ended otherwise, and the dialler cannot have it. A dismissed lead can
 * be cancelled like a failed one, because partners do not see the difference.
 *
 * @param lead name of the table in the query
 */
export function isCancellable(lead: string): string {
  return `(${lead}.state IN ('scheduled', 'held', 'failed', 'dismissed') AND ${lead}.claim IS NULL AND NOT ${lead}.may_have_arrived)`;
}

/**
 * Whether a lead can be withdrawn from the dialler: it is active, and the dialler has it, or may have it.
 *
 * @param lead name of the table in the query
 */
export function isWithdrawable(lead: string): string {
  return `(${lead}.ended_order = 0 AND (${lead}.state IN ('dialled', 'withdrawing')
    OR ${lead}.state IN ('scheduled', 'held', 'failed') AND (${lead}.claim IS NOT NULL OR ${lead}.may_have_arrived)))`;
}

/** Expression: the status of the withdrawal of `lead`, as partners see it; null: there is none. */
export const withdrawalStatus = `(SELECT coalesce(withdrawal.outcome, 'pending') FROM withdrawal WHERE withdrawal.lead_id = lead.id)`;

/**
 * Expression: when the call of a lead is due, as partners see it: if it waits for calling hours, their next opening.
 */
export const reportedDueAt = `CASE WHEN lead.state = 'scheduled' AND lead.claim IS NULL AND lead.waits_for IS NOT NULL
  THEN lead.next_attempt_at ELSE lead.due_at END`;

/**
 * Expression: a column of the latest call of `lead` with a result; null: there is none. The unmapped codes of a dialler
 * are for operators only.
 */
export function ofLatestResult(column: 'result' | 'called_at'): string {
  return `(SELECT call_result.${column} FROM call_result WHERE call_result.lead_id = lead.id AND call_result.result IS NOT NULL
    ORDER BY call_result.called_at DESC, call_result.received_at DESC, call_result.call_id DESC LIMIT 1)`;
}
