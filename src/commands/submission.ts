import { Command, Option } from 'commander';
import { type SubmissionOutcome, submissionOutcomes } from '../leads/lead.ts';
import type { ReplayRecord, SubmissionRecord } from '../store/store.ts';
import { time, type View } from './output.ts';
import { action, readCount, type Surroundings } from './session.ts';

export const submissionView: View<SubmissionRecord> = {
  columns: {
    ID: (submission) => submission.id,
    RECEIVED: (submission) => time(submission.receivedAt),
    PARTNER: (submission) => submission.partner,
    TYPE: (submission) => submission.type,
    MOBILE: (submission) => submission.mobile,
    OUTCOME: ({ outcome, replays }) => [outcome, ...replays.map((replay) => replay.outcome)].join(', then '),
    LEAD: ({ leadId, replays }) => replays.at(-1)?.leadId ?? leadId ?? '-',
  },
  json: (submission) => ({
    id: submission.id,
    partner: submission.partner,
    type: submission.type,
    mobile: submission.mobile,
    received_at: time(submission.receivedAt),
    outcome: submission.outcome,
    lead_id: submission.leadId,
    replays: submission.replays.map(replayJson),
    submitted: JSON.parse(submission.content),
  }),
};

const replayView: View<ReplayRecord & { id: string }> = {
  columns: {
    ID: (replay) => replay.id,
    OUTCOME: (replay) => replay.outcome,
    LEAD: (replay) => replay.leadId ?? '-',
  },
  json: (replay) => ({ id: replay.id, ...replayJson(replay) }),
};

/** `leads submission`: what partners sent, whatever became of it. */
export function submissionCommand(surroundings: Surroundings): Command {
  const submission = new Command('submission').description('what partners sent, whatever became of it');

  const list = submission
    .command('list')
    .description('list submissions, the newest first')
    .addOption(
      new Option('--outcome <outcome>', 'only those whose last run came to this').choices(submissionOutcomes),
    )
    .option('--limit <n>', 'at most so many (default: 100 in a table, all with --json)', readCount);
  type ListOptions = { outcome?: SubmissionOutcome; limit?: number };
  action<ListOptions, []>(list, surroundings, async ({ store, output }, { limit, ...filter }) => {
    const rows = output.limit(limit);
    const found = store.submissions(filter, rows);
    await output.list(found, submissionView, 'There are no such submissions.', rows);
  });

  const replay = submission
    .command('replay')
    .description('run saved submissions again, say once their type exists; both outcomes are kept')
    .argument('<id...>', 'their ids, as `leads submission list` shows them');
  action<object, [string[]]>(replay, surroundings, async ({ store, output }, _options, ids) => {
    const replays: (ReplayRecord & { id: string })[] = [];
    try {
      for (const id of ids) replays.push({ id, ...(await store.replay(id)) });
    } finally {
      if (replays.length > 0) await output.list(replays, replayView, '');
    }
  });

  return submission;
}

function replayJson(replay: ReplayRecord) {
  return { replayed_at: time(replay.replayedAt), outcome: replay.outcome, lead_id: replay.leadId };
}
