import { Command, Option } from 'commander';
import { type SubmissionOutcome, submissionOutcomes } from '../leads/lead.ts';
import { submittedBody } from '../leads/submitted-fields.ts';
import { CancelledLater } from '../store/cancelled-later.ts';
import type { RelatedCancellation, RerunRecord, SubmissionRecord } from '../store/store.ts';
import { type OpposingCancellation, relatedJson, showOpposing } from './cancellation.ts';
import { forEachId } from './each-id.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext, readCount } from './session.ts';

export const submissionView: View<SubmissionRecord> = {
  columns: {
    ID: (submission) => submission.id,
    RECEIVED: (submission) => time(submission.receivedAt),
    PARTNER: (submission) => submission.partner,
    TYPE: (submission) => submission.type,
    MOBILE: (submission) => submission.mobile,
    OUTCOME: ({ outcome, reruns }) => [outcome, ...reruns.map((rerun) => rerun.outcome)].join(', then '),
    LEAD: ({ leadId, reruns }) => reruns.at(-1)?.leadId ?? leadId ?? '-',
  },
  json: (submission) => ({
    id: submission.id,
    partner: submission.partner,
    type: submission.type,
    mobile: submission.mobile,
    received_at: time(submission.receivedAt),
    outcome: submission.outcome,
    lead_id: submission.leadId,
    reruns: submission.reruns.map(rerunJson),
    submitted: submittedBody(submission.content),
  }),
};

/** What came of one submission that an operator wanted re-run. */
interface AskedRerun {
  id: string;
  /** Undefined: it was not re-run, since its partner cancelled later. */
  rerun: RerunRecord | undefined;
  cancellations: readonly RelatedCancellation[];
}

const rerunView: View<AskedRerun> = {
  columns: {
    ID: ({ id }) => id,
    OUTCOME: ({ rerun }) => rerun?.outcome ?? 'not re-run',
    LEAD: ({ rerun }) => rerun?.leadId ?? '-',
  },
  json: ({ id, rerun, cancellations }) => ({
    id,
    ...(rerun ? rerunJson(rerun) : { rerun_at: null, outcome: null, lead_id: null }),
    cancellations: cancellations.map(relatedJson),
  }),
};

/** `leads submission`: what partners sent, whatever became of it. */
export function submissionCommand(context: CommandContext): Command {
  const submission = new Command('submission').description('what partners sent, whatever became of it');

  const list = submission
    .command('list')
    .description('list submissions, the newest first')
    .addOption(
      new Option('--outcome <outcome>', 'only those whose last run came to this').choices(submissionOutcomes),
    )
    .option('--limit <n>', 'at most so many (default: 100 in a table, all with --json)', readCount);
  type ListOptions = { outcome?: SubmissionOutcome; limit?: number };
  action<ListOptions, []>(list, context, async ({ store, output }, { limit, ...filter }) => {
    const rows = output.limit(limit);
    const found = store.submissions(filter, rows);
    await output.list(found, submissionView, 'There are no such submissions.', rows);
  });

  const rerun = submission
    .command('rerun')
    .description(
      'run saved submissions again, such as once their type exists; both outcomes are kept.\nA submission that its partner cancelled later is not run without --force.',
    )
    .argument('<id...>', 'their ids, as `leads submission list` shows them')
    .option('--force', 'override later cancellations by the same partner');
  type RerunOptions = { force?: boolean; json?: boolean };
  action<RerunOptions, [string[]]>(rerun, context, async ({ store, output }, options, ids) => {
    const { force = false, json = false } = options;
    const reruns: AskedRerun[] = [];
    try {
      await forEachId(ids, async (id) => {
        try {
          const { cancellations, ...rerun } = await store.rerun(id, force);
          reruns.push({ id, rerun, cancellations });
        } catch (error) {
          if (error instanceof CancelledLater) {
            reruns.push({ id, rerun: undefined, cancellations: error.cancellations });
          }
          throw error;
        }
      });
    } finally {
      if (reruns.length > 0) await output.list(reruns, rerunView, '');
      await showOpposing(output, reruns.flatMap(cancellationsOpposing), json);
    }
  });

  return submission;
}

function rerunJson(rerun: RerunRecord) {
  return { rerun_at: time(rerun.rerunAt), outcome: rerun.outcome, lead_id: rerun.leadId };
}

function cancellationsOpposing({ id, cancellations }: AskedRerun): OpposingCancellation[] {
  return cancellations.map((cancellation) => ({ ...cancellation, againstId: id }));
}
