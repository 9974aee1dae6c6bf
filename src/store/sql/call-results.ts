import { formatTime } from '../../text/time.ts';
import {
  type CallReport,
  type CallResultRecord,
  type CallResults,
  type LastResult,
  maxCallsPerLead,
  type RecordedReport,
} from '../call-results.ts';
import type { PersonDigests } from '../keys/person-digests.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { addSuppressions } from './enter-suppressions.ts';
import { recordEvidence } from './evidence/pending.ts';
import { recordResultEvent } from './partner-events.ts';
import { statement } from './statement.ts';
import type { WithdrawalEvents } from './withdrawals/events.ts';

/** Keeps the results of calls in a database. */
export function callResults(
  database: SqlDatabase,
  digests: PersonDigests,
  events: WithdrawalEvents,
): CallResults {
  return {
    async recordCallResult(report) {
      const recorded = await database.change(() => recordCallResult(report, digests));
      if ('withdrawals' in recorded) events.emit();
      return recorded;
    },
    lastResults: () => database.read(lastResults),
    async *callResults(mobile) {
      yield* await database.read(callResultsFor, mobile);
    },
  };
}

interface ReportedLead {
  mobile: string;
  partner: string;
  type: string;
  isOfSender: boolean;
}

/** Locks the lead, so that it is not erased or pruned before its result is stored. */
const reportedLead = statement<ReportedLead>(
  'reported_lead',
  ({ inList, lock }) => `
    SELECT lead.mobile, partner.name AS partner, lead_type.name AS type,
      (lead_type.name ${inList('$2')} OR EXISTS (
        SELECT 1 FROM type_alias WHERE type_alias.type_id = lead.type_id AND type_alias.name ${inList('$2')}))
        AS "isOfSender"
    FROM lead JOIN lead_type ON lead_type.id = lead.type_id JOIN partner ON partner.id = lead.partner_id
    WHERE lead.id = $1 ${lock('lead')}`,
  { isOfSender: true },
);

const storedCall = statement<Pick<CallReport, 'code' | 'result'>>(
  'stored_call',
  'SELECT code, result FROM call_result WHERE lead_id = $1 AND call_id = $2',
);

const countCalls = statement<{ count: number }>(
  'count_calls',
  'SELECT count(*) AS count FROM call_result WHERE lead_id = $1',
);

/** A correction of the code leaves the time of the call as it is. */
const saveCall = statement(
  'save_call_result',
  `INSERT INTO call_result (lead_id, call_id, code, result, called_at, talk_time, received_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7)
   ON CONFLICT (lead_id, call_id) DO UPDATE SET code = excluded.code, result = excluded.result,
     talk_time = coalesce(excluded.talk_time, call_result.talk_time), received_at = excluded.received_at`,
);

/** Up to once a minute for each type, so that results that arrive together do not wait for one another. */
const noteResult = statement(
  'note_result',
  `UPDATE lead_type SET last_result_at = CAST($2 AS bigint)
   WHERE id = (SELECT type_id FROM lead WHERE id = $1) AND (last_result_at IS NULL OR last_result_at <= CAST($2 AS bigint) - 60000)`,
);

const lastResults = statement<LastResult>(
  'last_results',
  `SELECT name AS type, last_result_at AS "receivedAt" FROM lead_type
   WHERE last_result_at IS NOT NULL AND retired_at IS NULL ORDER BY name`,
);

function* recordCallResult(report: CallReport, digests: PersonDigests): Change<RecordedReport> {
  const { leadId, callId, code, result, types } = report;
  const lead = yield* firstRow(reportedLead, leadId, types ?? []);
  if (lead === undefined) return { outcome: 'unknown-lead' };
  if (types !== undefined && !lead.isOfSender) return { outcome: 'other-type' };
  const { type, mobile } = lead;
  const stored = yield* firstRow(storedCall, leadId, callId);
  const known = {
    type,
    mobile,
    previousCode: stored?.code ?? null,
    previousResult: stored?.result ?? null,
  };
  if (stored?.code === code) return { outcome: 'repeated', ...known };
  if (stored === undefined && ((yield* firstRow(countCalls, leadId))?.count ?? 0) >= maxCallsPerLead) {
    return { outcome: 'too-many-calls' };
  }
  const { calledAt, talkTime, receivedAt } = report;
  yield* run(saveCall, leadId, callId, code, result, calledAt, talkTime, receivedAt);
  yield* run(noteResult, leadId, receivedAt);
  yield* recordResultEvidence(report, lead, known.previousCode);
  if (result !== null && result !== known.previousResult) {
    yield* recordResultEvent(leadId, result, calledAt, receivedAt);
  }
  const outcome = stored === undefined ? 'recorded' : 'changed';
  if (result !== 'do-not-call') return { outcome, ...known };
  const objection = {
    mobile,
    type: undefined,
    source: 'dialler',
    sourceId: report.dialler,
    reason: `${code}, reported for lead ${leadId}`,
    objectedAt: calledAt,
  } as const;
  return { outcome, ...known, ...(yield* addSuppressions([objection], digests)) };
}

/** Records the result in the evidence, and what it replaces. */
function* recordResultEvidence(
  { leadId, callId, code, result, calledAt, talkTime, receivedAt }: CallReport,
  { mobile, partner, type }: ReportedLead,
  previousCode: string | null,
): Change<void> {
  yield* recordEvidence({
    kind: 'result',
    mobile,
    happenedAt: calledAt,
    content: {
      lead_id: leadId,
      partner,
      type,
      call_id: callId,
      code,
      result,
      talk_time: talkTime,
      received_at: formatTime(receivedAt),
      ...(previousCode !== null && { replaces: previousCode }),
    },
  });
}

const callResultsFor = statement<CallResultRecord>(
  'call_results',
  ({ inQuery }) => `
    SELECT lead_id AS "leadId", call_id AS "callId", code, result, called_at AS "calledAt", talk_time AS "talkTime",
      received_at AS "receivedAt"
    FROM call_result WHERE lead_id ${inQuery('SELECT id FROM lead WHERE mobile = $1')}
    ORDER BY called_at, received_at, lead_id, call_id`,
);
