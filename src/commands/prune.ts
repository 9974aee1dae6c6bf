import { Command } from 'commander';
import { readDuration } from '../environment/duration.ts';
import { pruneAll } from '../store/prune.ts';
import { action, type Surroundings } from './session.ts';

/** `leads prune`: removes what is old. */
export function pruneCommand(surroundings: Surroundings): Command {
  const prune = new Command('prune')
    .description(
      'remove old submissions and cancellations, with the leads and tries that nothing else needs; what can still be called, and who must not be called twice, is kept',
    )
    .requiredOption('--older-than <duration>', 'such as 400d: what was received before that');
  type Options = { olderThan: string };
  action<Options, []>(prune, surroundings, async ({ store, output }, { olderThan }) => {
    const before = Date.now() - readDuration(olderThan);
    const { submissions, cancellations, leads, tries } = await pruneAll(store, before);
    await output.done(
      `Removed ${submissions} submissions, ${cancellations} cancellations, ${leads} leads and ${tries} tries from before ${new Date(before).toISOString()}.`,
      { submissions, cancellations, leads, tries },
    );
  });
  return prune;
}
