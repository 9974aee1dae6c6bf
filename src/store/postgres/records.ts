import type { LeadState } from '../../leads/lead.ts';
import type { Submission } from '../../leads/submission.ts';
import { mistakes, retryMistake } from '../mistakes.ts';
import { inPages } from '../pages.ts';
import type { LeadRecord, Records, ReplayRecord, SubmissionRecord, Try } from '../store.ts';
import type { Changes } from './changes.ts';
import type { PostgresDatabase, Run, Statement } from './database.ts';
import { faultOf, isDuplicate } from './fault.ts';
import { candidateOf, type Judged, judgedCandidates } from './take.ts';

const leadColumns = `
  SELECT lead.id, partner.name AS partner, lead_type.name AS type, lead.mobile, lead.state,
    lead.accepted_at AS "acceptedAt", lead.due_at AS "dueAt", lead.dialled_at AS "dialledAt",
    lead.cancelled_at AS "cancelledAt", lead.tries,
    (SELECT answer FROM try WHERE lead_id = lead.id ORDER BY id DESC LIMIT 1) AS "lastAnswer",
    lead.submission_id AS "submissionId"
  FROM lead
  JOIN lead_type ON lead_type.id = lead.type_id
  JOIN partner ON partner.id = lead.partner_id`;

const submissionColumns = `
  SELECT submission.id, partner.name AS partner, submission.type, submission.mobile,
    submission.received_at AS "receivedAt", submission.outcome, submission.lead_id AS "leadId",
    submission.content,
    (SELECT coalesce(json_agg(json_build_object('replayedAt', replayed_at, 'outcome', outcome,
              'leadId', lead_id) ORDER BY id), '[]')
     FROM replay WHERE submission_id = submission.id) AS replays
  FROM submission
  JOIN partner ON partner.id = submission.partner_id`;

const lastOutcome = `coalesce(
  (SELECT outcome FROM replay WHERE submission_id = submission.id ORDER BY id DESC LIMIT 1),
  submission.outcome)`;

const tries: Statement = {
  name: 'tries',
  text: `
    SELECT lead_id AS "leadId", started_at AS "startedAt", ended_at AS "endedAt", outcome, answer
    FROM try WHERE lead_id IN (SELECT id FROM lead WHERE mobile = $1) ORDER BY id`,
};

const judge = `${judgedCandidates}
  SELECT id, outcome, met_id AS "leadId" FROM judged WHERE outcome IS NOT NULL`;

export function postgresRecords(database: PostgresDatabase, changes: Changes): Records {
  return {
    leads(filter, limit) {
      const wanted = {
        'lead.state': filter.state,
        'lead_type.name': filter.type,
        'partner.name': filter.partner,
        'lead.mobile': filter.mobile,
      };
      return newestFirst<LeadRecord>(database, leadColumns, 'lead.id', wanted, limit);
    },

    submissions(filter, limit) {
      const wanted = { [lastOutcome]: filter.outcome, 'submission.mobile': filter.mobile };
      return newestFirst<SubmissionRecord>(database, submissionColumns, 'submission.id', wanted, limit);
    },

    async replay(id) {
      const replay = await database.transaction(async (run) => {
        const submission = await savedSubmission(run, id);
        const candidate = candidateOf(submission);
        const judged = await judgement(run, JSON.stringify([candidate]));
        const replayedAt = Date.now();
        const { outcome, leadId } = judged;
        await run(
          'INSERT INTO replay (submission_id, replayed_at, outcome, lead_id) VALUES ($1, $2, $3, $4)',
          [id, replayedAt, outcome, leadId],
        );
        return { record: { replayedAt, outcome, leadId }, dueAt: candidate.due_at };
      });
      const { record, dueAt } = replay;
      if (record.outcome === 'accepted') changes.announce(dueAt);
      return record satisfies ReplayRecord;
    },

    async *tries(mobile) {
      yield* await database.read<Try>(tries, [mobile]);
    },

    async retry(id) {
      const dueAt = Date.now();
      try {
        await database.transaction((run) => scheduleAgain(run, id, dueAt));
      } catch (error) {
        // A lead that was taken a moment ago stands now where this one would.
        if (faultOf(error) === 'refused' && isDuplicate(error)) {
          await database.transaction((run) => scheduleAgain(run, id, dueAt));
        } else throw error;
      }
      changes.announce(dueAt);
    },
  };
}

async function savedSubmission(run: Run, id: string): Promise<Submission> {
  const [submission] = await run<Submission>(
    `SELECT id, partner_id AS "partnerId", received_at AS "receivedAt", type, mobile, delays, content
     FROM submission WHERE id = $1`,
    [id],
  );
  if (submission === undefined) throw mistakes.noSubmission(id);
  return submission;
}

async function judgement(run: Run, candidates: string): Promise<Judged> {
  for (;;) {
    const [judged] = await run<Judged>(judge, [candidates]);
    if (judged !== undefined) return judged;
  }
}

async function scheduleAgain(run: Run, id: string, dueAt: number): Promise<void> {
  const [lead] = await run<{ state: LeadState; newerId: string | null }>(
    `SELECT state, (SELECT max(newer.id) FROM lead AS newer WHERE newer.mobile = lead.mobile
       AND newer.type_id = lead.type_id AND newer.id > lead.id) AS "newerId"
     FROM lead WHERE id = $1 FOR UPDATE`,
    [id],
  );
  if (lead === undefined) throw mistakes.noLead(id);
  const mistake = retryMistake(id, lead.state, lead.newerId);
  if (mistake !== undefined) throw mistake;
  await run(
    `UPDATE lead SET state = 'scheduled', released = '', tries = 0, due_at = $1, next_try_at = $1 WHERE id = $2`,
    [dueAt, id],
  );
}

/** Lists rows, the newest first. */
function newestFirst<Row extends { id: string }>(
  database: PostgresDatabase,
  columns: string,
  id: string,
  wanted: Record<string, string | undefined>,
  limit: number,
): AsyncGenerator<Row> {
  const conditions: string[] = ['true'];
  const values: unknown[] = [];
  for (const [column, value] of Object.entries(wanted)) {
    if (value === undefined) continue;
    values.push(value);
    conditions.push(`${column} = $${values.length}`);
  }
  const from = `$${values.length + 1}::text`;
  const text = `${columns} WHERE ${conditions.join(' AND ')} AND (${from} IS NULL OR ${id} < ${from})
    ORDER BY ${id} DESC LIMIT $${values.length + 2}`;
  // Without a name: which statement it is depends on the filter.
  return inPages<Row>(limit, (last, size) =>
    database.read({ name: '', text }, [...values, last?.id ?? null, size]),
  );
}
