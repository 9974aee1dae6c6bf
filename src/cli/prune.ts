import { Command } from 'commander';
import { pruneAll } from '../store/prune.ts';
import { parseDuration } from '../text/duration.ts';
import { action, type CommandContext } from './session.ts';

/** `leads prune`: removes what is old. */
export function pruneCommand(context: CommandContext): Command {
  const prune = new Command('prune')
    .description(
      'remove old submissions and cancellations, with the leads and tries that nothing else needs; what can still be called, and who must not be called twice, is kept',
    )
    .requiredOption('--older-than <duration>', 'such as 400d: what was received before that');
  type Options = { olderThan: string };
  action<Options, []>(prune, context, async ({ store, output }, { olderThan }) => {
    const before = Date.now() - parseDuration(olderThan);
    const { submissions, cancellations, leads, attempts } = await pruneAll(store, before);
    await output.done(
      `Removed ${submissions} submissions, ${cancellations} cancellations, ${leads} leads and ${attempts} tries from before ${new Date(before).toISOString()}.`,
      { submissions, cancellations, leads, attempts },
    );
  });
  return prune;
}
