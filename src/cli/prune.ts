import { Command, Option } from 'commander';
import { pruneAll } from '../store/prune.ts';
import { parseDuration } from '../text/duration.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { confirm, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';

interface PruneOptions {
  olderThan: string;
  dryRun?: true;
  yes?: true;
}

/** `leads prune`: removes old data. */
export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune')
    .description(
      'remove old submissions, cancellations, and leads with their attempts; servers can keep running.\nLeads that can still be called and the phone numbers of dialled people are kept',
    )
    .requiredOption('--older-than <duration>', 'remove what was received longer ago than this, such as 400d')
    .addOption(new Option('--dry-run', 'only count what would be removed').conflicts('yes'))
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    {
      submissions: 'number of submissions removed',
      cancellations: 'number of cancellations removed',
      leads: 'number of leads removed; null with --dry-run, which does not count them',
      attempts: 'number of attempts removed; null with --dry-run, which does not count them',
    },
    async ({ store, output }, { olderThan, dryRun, yes }: PruneOptions) => {
      const before = Date.now() - parseDuration(olderThan);
      if (dryRun || !yes) {
        const { submissions, cancellations } = await store.countPrunable(before);
        const change = `${counted(submissions, 'submission', 'submissions')} and ${counted(cancellations, 'cancellation', 'cancellations')} from before ${formatTime(before)} would be removed, with the leads and attempts that nothing else needs`;
        if (dryRun) {
          await output.done(`${change}.`, { submissions, cancellations, leads: null, attempts: null });
          return;
        }
        await confirm(context, change);
      }
      const { submissions, cancellations, leads, attempts } = await pruneAll(store, before);
      await output.done(
        `Removed data from before ${formatTime(before)}. Submissions: ${submissions}, cancellations: ${cancellations}, leads: ${leads}, attempts: ${attempts}.`,
        { submissions, cancellations, leads, attempts },
      );
    },
  );
}
