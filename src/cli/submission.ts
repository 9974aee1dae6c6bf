import { Command, Option } from 'commander';
import { uuidOf } from '../leads/identifier.ts';
import { type SubmissionOutcome, submissionOutcomes } from '../leads/lead.ts';
import { importedKeyId } from '../leads/submission.ts';
import { submittedBody } from '../leads/submitted-fields.ts';
import { CancelledLater } from '../store/cancelled-later.ts';
import type { RelatedCancellation, RerunRecord, SubmissionRecord } from '../store/records.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { limitOption, testDataOption, wideOption } from './arguments.ts';
import {
  printRelatedCancellations,
  relatedCancellationJson,
  relatedCancellationRows,
  relatedCancellationsMember,
} from './cancellation.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';
import { idsArgument, processIds, readIds } from './process-ids.ts';

/** Members of a submission in JSON, with their descriptions. */
export const submissionMembers = {
  id: 'id of the submission',
  partner: 'name of the partner',
  type: 'name of the lead type, as sent',
  mobile: 'phone number (E.164)',
  received_at: 'when it was received (ISO 8601)',
  request_id: 'the `Request-Id` of the request',
  key_id: `id of the key that it was sent with; \`${importedKeyId}\`: an operator imported it; null: received before key ids were stored`,
  outcome: `first outcome: ${submissionOutcomes.map((outcome) => `\`${outcome}\``).join(', ')}`,
  lead_id: 'id of its lead, or of the existing lead that prevented a new one; null: none',
  reruns: 're-runs, oldest first: `rerun_at`, `outcome`, `lead_id`',
  submitted: 'the request as the partner sent it',
};

/** How a submission is displayed. */
export const submissionView: View<SubmissionRecord, keyof typeof submissionMembers> = {
  columns: {
    ID: (submission) => submission.id,
    RECEIVED: (submission) => ({ time: submission.receivedAt }),
    PARTNER: (submission) => submission.partner,
    TYPE: (submission) => submission.type,
    MOBILE: (submission) => submission.mobile,
    OUTCOME: ({ outcome, reruns }) => [outcome, ...reruns.map((rerun) => rerun.outcome)].join(', then '),
    LEAD: ({ leadId, reruns }) => reruns.at(-1)?.leadId ?? leadId ?? '-',
  },
  narrow: ['ID', 'RECEIVED', 'PARTNER', 'TYPE', 'OUTCOME'],
  json: (submission) => ({
    id: submission.id,
    partner: submission.partner,
    type: submission.type,
    mobile: submission.mobile,
    received_at: formatTime(submission.receivedAt),
    request_id: uuidOf(submission.id),
    key_id: submission.keyId,
    outcome: submission.outcome,
    lead_id: submission.leadId,
    reruns: submission.reruns.map(rerunJson),
    submitted: submittedBody(submission.content),
  }),
};

/** A row of the output of `leads submission rerun`. */
interface RerunRow {
  id: string;
  /** Undefined: not re-run, because its partner cancelled later. */
  rerun: RerunRecord | undefined;
  cancellations: readonly RelatedCancellation[];
}

const rerunMembers = {
  id: 'id of the submission',
  rerun_at: 'when it was re-run (ISO 8601); null: not re-run, because its partner cancelled later',
  outcome: 'outcome of the re-run; null: not re-run',
  lead_id: 'id of its lead, or of the existing lead that prevented a new one; null: none',
  cancellations: relatedCancellationsMember,
};

const rerunView: View<RerunRow, keyof typeof rerunMembers> = {
  columns: {
    ID: ({ id }) => id,
    OUTCOME: ({ rerun }) => rerun?.outcome ?? 'not re-run',
    LEAD: ({ rerun }) => rerun?.leadId ?? '-',
  },
  json: ({ id, rerun, cancellations }) => ({
    id,
    ...(rerun ? rerunJson(rerun) : { rerun_at: null, outcome: null, lead_id: null }),
    cancellations: cancellations.map(relatedCancellationJson),
  }),
};

/** `leads submission`: lists and re-runs what partners sent. */
export function submissionCommand(context: CommandContext): Command {
  return new Command('submission')
    .description('the stored requests to add leads, accepted or not')
    .addCommand(listCommand(context))
    .addCommand(rerunCommand(context));
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list submissions, newest first')
    .addOption(
      new Option('--outcome <outcome>', 'only submissions with this last outcome').choices(
        submissionOutcomes,
      ),
    )
    .addOption(testDataOption())
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    submissionMembers,
    async ({ store, output }, { outcome, limit }: { outcome?: SubmissionOutcome; limit?: number }) => {
      const rows = output.limit(limit);
      const submissions = store.submissions(outcome === undefined ? {} : { outcome }, rows);
      await output.list(submissions, submissionView, 'There are no matching submissions.', rows);
    },
  );
}

function rerunCommand(context: CommandContext): Command {
  const command = new Command('rerun')
    .description(
      're-run stored submissions, for example after adding their type; earlier outcomes are kept.\nA submission that its partner cancelled later is not re-run without --force',
    )
    .addArgument(idsArgument('ids of the submissions, from `leads submission list`'))
    .option('--force', 'override later cancellations by the same partner')
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    rerunMembers,
    async ({ store, output }, { force = false }: { force?: boolean }, [ids]: [string[]]) => {
      const results: RerunRow[] = [];
      let failure: unknown;
      try {
        await processIds(output, await readIds(ids, context.input), async (id) => {
          try {
            const { cancellations, ...rerun } = await store.rerunSubmission(id, force);
            results.push({ id, rerun, cancellations });
          } catch (error) {
            if (error instanceof CancelledLater) {
              results.push({ id, rerun: undefined, cancellations: error.cancellations });
            }
            throw error;
          }
        });
      } catch (error) {
        failure = error;
      }
      try {
        if (results.length > 0) await output.list(results, rerunView, '');
        await printRelatedCancellations(output, results.flatMap(relatedCancellationRows));
      } catch (error) {
        failure ??= error;
      }
      if (failure !== undefined) throw failure;
    },
  );
}

function rerunJson(rerun: RerunRecord) {
  return { rerun_at: formatTime(rerun.rerunAt), outcome: rerun.outcome, lead_id: rerun.leadId };
}
