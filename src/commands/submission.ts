import { Command, Option } from 'commander';
import { type SubmissionOutcome, submissionOutcomes } from '../leads/lead.ts';
import { CancelledLater } from '../store/cancelled-later.ts';
import type { RelatedCancellation, ReplayRecord, SubmissionRecord } from '../store/store.ts';
import { relatedJson, type StandingCancellation, showStanding } from './cancellation.ts';
import { forEachId } from './each-id.ts';
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

/** What came of one submission that an operator wanted re-run. */
interface AskedRerun {
  id: string;
  /** Undefined: it was not re-run, since its partner cancelled later. */
  replay: ReplayRecord | undefined;
  cancellations: readonly RelatedCancellation[];
}

const rerunView: View<AskedRerun> = {
  columns: {
    ID: ({ id }) => id,
    OUTCOME: ({ replay }) => replay?.outcome ?? 'not re-run',
    LEAD: ({ replay }) => replay?.leadId ?? '-',
  },
  json: ({ id, replay, cancellations }) => ({
    id,
    ...(replay ? replayJson(replay) : { replayed_at: null, outcome: null, lead_id: null }),
    cancellations: cancellations.map(relatedJson),
  }),
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
    .description(
      'run saved submissions again, such as once their type exists; both outcomes are kept.\nA submission that its partner cancelled later is not run without --force.',
    )
    .argument('<id...>', 'their ids, as `leads submission list` shows them')
    .option('--force', 'override later cancellations by the same partner');
  type RerunOptions = { force?: boolean; json?: boolean };
  action<RerunOptions, [string[]]>(replay, surroundings, async ({ store, output }, options, ids) => {
    const { force = false, json = false } = options;
    const reruns: AskedRerun[] = [];
    try {
      await forEachId(ids, async (id) => {
        try {
          const { cancellations, ...replay } = await store.replay(id, force);
          reruns.push({ id, replay, cancellations });
        } catch (error) {
          if (error instanceof CancelledLater) {
            reruns.push({ id, replay: undefined, cancellations: error.cancellations });
          }
          throw error;
        }
      });
    } finally {
      if (reruns.length > 0) await output.list(reruns, rerunView, '');
      await showStanding(output, reruns.flatMap(standingAgainst), json);
    }
  });

  return submission;
}

function replayJson(replay: ReplayRecord) {
  return { replayed_at: time(replay.replayedAt), outcome: replay.outcome, lead_id: replay.leadId };
}

function standingAgainst({ id, cancellations }: AskedRerun): StandingCancellation[] {
  return cancellations.map((cancellation) => ({ ...cancellation, againstId: id }));
}
