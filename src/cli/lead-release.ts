import { Command } from 'commander';
import { defineAction } from './action.ts';
import {
  printRelatedCancellations,
  relatedCancellationJson,
  relatedCancellationsMember,
} from './cancellation.ts';
import type { CommandContext } from './context.ts';
import { idsArgument, processIds, readIds } from './process-ids.ts';

/** `leads lead release`: schedules held leads again. */
export function releaseCommand(context: CommandContext): Command {
  const command = new Command('release')
    .description(
      'schedule held leads, which a restored backup contained, for delivery at their due times, each under its original id.\nA lead that its partner cancelled later is not sent without --force',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --state held`'))
    .option('--force', 'override later cancellations by the same partner');
  return defineAction(
    command,
    context,
    {
      id: 'id of the lead',
      state: '`scheduled`',
      may_have_arrived: 'whether the dialler may already have it',
      cancellations: relatedCancellationsMember,
    },
    async ({ store, output }, { force = false }: { force?: boolean }, [ids]: [string[]]) => {
      await processIds(output, await readIds(ids, context.input), async (id) => {
        const { mayHaveArrived, cancellations } = await store.releaseLead(id, force);
        const warning = mayHaveArrived ? ' The dialler may already have it under the same id.' : '';
        await output.done(`Lead ${id} is scheduled.${warning}`, {
          id,
          state: 'scheduled',
          may_have_arrived: mayHaveArrived,
          cancellations: cancellations.map(relatedCancellationJson),
        });
        const rows = cancellations.map((cancellation) => ({ ...cancellation, relatedId: id }));
        await printRelatedCancellations(output, rows);
      });
    },
  );
}
