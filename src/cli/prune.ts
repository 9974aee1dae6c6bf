import { Command } from 'commander';
import { pruneAll } from '../store/prune.ts';
import { parseDuration } from '../text/duration.ts';
import { defineAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { formatTime } from './table.ts';

/** `leads prune`: removes old data. */
export function pruneCommand(context: CommandContext): Command {
  const command = new Command('prune')
    .description(
      'remove old submissions, cancellations, and leads with their attempts; servers can keep running.\nLeads that can still be called and the phone numbers of dialled people are kept',
    )
    .requiredOption('--older-than <duration>', 'remove what was received longer ago than this, such as 400d');
  return defineAction(
    command,
    context,
    {
      submissions: 'number of submissions removed',
      cancellations: 'number of cancellations removed',
      leads: 'number of leads removed',
      attempts: 'number of attempts removed',
    },
    async ({ store, output }, { olderThan }: { olderThan: string }) => {
      const before = Date.now() - parseDuration(olderThan);
      const { submissions, cancellations, leads, attempts } = await pruneAll(store, before);
      await output.done(
        `Removed data from before ${formatTime(before)}. Submissions: ${submissions}, cancellations: ${cancellations}, leads: ${leads}, attempts: ${attempts}.`,
        { submissions, cancellations, leads, attempts },
      );
    },
  );
}
