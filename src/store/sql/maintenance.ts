import { identifierBound } from '../../leads/identifier.ts';
import { formatTime } from '../../text/time.ts';
import type { Maintenance, Pruned, PruneStep } from '../maintenance.ts';
import { stepSize } from '../steps.ts';
import { audit, auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { rewindChain } from './evidence/chain.ts';
import { idPages } from './id-pages.ts';
import { statement } from './statement.ts';

/** Prunes a database, and deletes its old idempotency records. */
export function pruning(
  database: SqlDatabase,
): Pick<Maintenance, 'prune' | 'countPrunable' | 'deleteIdempotencyRecords'> {
  return {
    prune: (before, after) => database.change(() => prune(before, after)),
    countPrunable: (before) => countPrunable(database, before),
    deleteIdempotencyRecords: (before) => database.change(() => deleteIdempotencyRecords(before)),
  };
}

/**
 * Waits for operators' actions in progress, and makes later ones wait: a lead of a re-run that the next statement did
 * not see would lose its submission. SQLite has one writer at a time and needs no lock.
 */
const blockReruns = statement(
  'block_reruns',
  ({ lock }) => `SELECT id FROM rerun WHERE false ${lock('rerun')}`,
);

/**
 * Leads of a submission or cancellation: the one that it created or cancelled or that prevented it, and those of its
 * re-runs.
 */
const leadsOf = `
  SELECT submission.lead_id UNION ALL SELECT lead_id FROM rerun WHERE submission_id = submission.id`;

/**
 * Whether a submission or cancellation belongs to a lead whose person can still be called, or which an operator has to
 * remove at the dialler.
 */
const isNeeded = `EXISTS (
     SELECT 1 FROM lead WHERE lead.id IN (${leadsOf})
       AND (lead.submission_id = submission.id OR submission.kind = 'cancel')
       AND (lead.state IN ('scheduled', 'held', 'withdrawing', 'failed') OR EXISTS (
         SELECT 1 FROM withdrawal
         WHERE withdrawal.lead_id = lead.id AND (withdrawal.outcome IS NULL OR withdrawal.outcome = 'failed'))))`;

const oldSubmissions = statement<{ id: string; isNeeded: boolean }>(
  'old_submissions',
  `SELECT id, ${isNeeded} AS "isNeeded"
   FROM submission WHERE id > $1 AND id < $2 AND received_at < $3 ORDER BY id LIMIT $4`,
  { isNeeded: true },
);

/**
 * The leads of submissions, and the ended leads of the same people and types, some of which may have no submission
 * left.
 */
const leadsOfSubmissions = statement<{ id: string }>(
  'leads_of_submissions',
  ({ inList }) => `
    WITH referenced AS (
      SELECT lead_id AS id FROM submission WHERE id ${inList('$1')} AND lead_id IS NOT NULL
      UNION SELECT lead_id FROM rerun WHERE submission_id ${inList('$1')} AND lead_id IS NOT NULL
    )
    SELECT id FROM referenced
    UNION SELECT ended.id FROM referenced JOIN lead ON lead.id = referenced.id
      JOIN lead AS ended ON ended.mobile = lead.mobile AND ended.type_id = lead.type_id
        AND ended.ended_order > 0`,
);

const deleteReruns = statement(
  'delete_reruns',
  ({ inList }) => `DELETE FROM rerun WHERE submission_id ${inList('$1')}`,
);

const deleteSubmissions = statement<{ kind: 'add' | 'cancel' }>(
  'delete_submissions',
  ({ inList }) => `DELETE FROM submission WHERE id ${inList('$1')} RETURNING kind`,
);

/** Condition: whether the submission of a row's lead is no longer stored. @param table name of the row's table */
function lostSubmission(table: string): string {
  return `NOT EXISTS (
      SELECT 1 FROM lead JOIN submission ON submission.id = lead.submission_id WHERE lead.id = ${table}.lead_id)`;
}

const deleteAttempts = statement(
  'delete_attempts',
  ({ inList }) => `
    DELETE FROM attempt WHERE lead_id ${inList('$1')} AND ${lostSubmission('attempt')} RETURNING id`,
);

const deleteLeadActions = statement(
  'delete_lead_actions',
  ({ inList }) => `
    DELETE FROM operator_action WHERE lead_id ${inList('$1')} AND ${lostSubmission('operator_action')}`,
);

const deleteWithdrawals = statement(
  'delete_withdrawals',
  ({ inList }) => `
    DELETE FROM withdrawal WHERE lead_id ${inList('$1')} AND ${lostSubmission('withdrawal')}`,
);

const deleteCallResults = statement(
  'delete_call_results',
  ({ inList }) => `
    DELETE FROM call_result WHERE lead_id ${inList('$1')} AND ${lostSubmission('call_result')}`,
);

const deleteWebhookAttempts = statement(
  'delete_webhook_attempts_of_leads',
  ({ inList }) => `
    DELETE FROM webhook_attempt WHERE lead_id ${inList('$1')} AND ${lostSubmission('webhook_attempt')}`,
);

const deletePartnerEvents = statement(
  'delete_events_of_leads',
  ({ inList }) => `
    DELETE FROM partner_event WHERE lead_id ${inList('$1')} AND ${lostSubmission('partner_event')}`,
);

const deleteOtherPhones = statement(
  'delete_sent_other_phones',
  ({ inList }) => `
    DELETE FROM sent_other_phone WHERE lead_id ${inList('$1')} AND ${lostSubmission('sent_other_phone')}`,
);

/**
 * Removes what belongs to leads, which is kept as long as the submissions of the leads: their attempts, operators'
 * actions, withdrawals, results of calls, events with the attempts to send them, and other phone numbers.
 *
 * @returns the number of attempts
 */
export function* deleteRowsOfLeads(leadIds: readonly string[]): Change<number> {
  const attempts = yield* run(deleteAttempts, leadIds);
  yield* rewindChain();
  for (const deleteRows of [
    deleteLeadActions,
    deleteWithdrawals,
    deleteCallResults,
    deletePartnerEvents,
    deleteWebhookAttempts,
    deleteOtherPhones,
  ]) {
    yield* run(deleteRows, leadIds);
  }
  return attempts.length;
}

const deleteLeads = statement(
  'delete_leads',
  ({ inList }) => `
    DELETE FROM lead WHERE id ${inList('$1')} AND ended_order > 0
      AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.id = lead.submission_id)
      AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.lead_id = lead.id)
      AND NOT EXISTS (SELECT 1 FROM rerun WHERE rerun.lead_id = lead.id)
    RETURNING id`,
);

function* prune(before: number, after: string): Change<PruneStep> {
  yield* run(blockReruns);
  if (after === '')
    yield* audit({ kind: 'store', id: null }, undefined, { pruned_before: formatTime(before) });
  else yield* auditedByCommand();
  const old = yield* run(oldSubmissions, after, identifierBound(before), before, stepSize);
  const ids = old.filter(({ isNeeded }) => !isNeeded).map(({ id }) => id);
  const leads = (yield* run(leadsOfSubmissions, ids)).map(({ id }) => id);
  yield* run(deleteReruns, ids);
  const deleted = yield* run(deleteSubmissions, ids);
  const attempts = yield* deleteRowsOfLeads(leads);
  const deletedLeads = yield* run(deleteLeads, leads);
  const cancellations = deleted.filter(({ kind }) => kind === 'cancel').length;
  return {
    submissions: deleted.length - cancellations,
    cancellations,
    attempts,
    leads: deletedLeads.length,
    next: old.length < stepSize ? undefined : old.at(-1)?.id,
  };
}

const prunableSubmissions = statement<{ kind: 'add' | 'cancel'; count: number }>(
  'prunable_submissions',
  `SELECT kind, count(*) AS count FROM submission
   WHERE id > $1 AND id <= $2 AND received_at < $3 AND NOT ${isNeeded} GROUP BY kind`,
);

async function countPrunable(
  database: SqlDatabase,
  before: number,
): Promise<Pick<Pruned, 'submissions' | 'cancellations'>> {
  const total = { submissions: 0, cancellations: 0 };
  for await (const { after, upTo } of idPages(database, 'submission', { before: identifierBound(before) })) {
    for (const { kind, count } of await database.read(prunableSubmissions, after, upTo, before)) {
      total[kind === 'add' ? 'submissions' : 'cancellations'] += count;
    }
  }
  return total;
}

const deleteOldRecords = statement(
  'delete_idempotency_records',
  ({ lockAvailable }) => `
    DELETE FROM idempotency_record WHERE (partner_id, idempotency_key) IN (
      SELECT partner_id, idempotency_key FROM idempotency_record WHERE recorded_at < $1
      ORDER BY recorded_at LIMIT $2 ${lockAvailable('idempotency_record')})
    RETURNING partner_id`,
);

function* deleteIdempotencyRecords(before: number): Change<number> {
  return (yield* run(deleteOldRecords, before, stepSize)).length;
}
