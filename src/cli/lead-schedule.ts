import { Command } from 'commander';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import {
  printRelatedCancellations,
  relatedCancellationJson,
  relatedCancellationRows,
  relatedCancellationsMember,
} from './cancellation.ts';
import type { CommandContext } from './context.ts';
import { describePause } from './delivery.ts';
import { idsArgument, processIds, readIds } from './process-ids.ts';

/** `leads lead retry`: schedules failed or dismissed leads again. */
export function retryCommand(context: CommandContext): Command {
  const command = new Command('retry')
    .description(
      'schedule failed or dismissed leads for delivery now, each under its original id.\nA lead that its partner cancelled later is not sent without --force',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --state failed`'));
  return scheduling(command, context, 'retryLead', 'is due now');
}

/** `leads lead release`: schedules held leads again. */
export function releaseCommand(context: CommandContext): Command {
  const command = new Command('release')
    .description(
      'schedule held leads, which a restored backup contained, for delivery at their due times, each under its original id.\nA lead that its partner cancelled later is not sent without --force',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --state held`'));
  return scheduling(command, context, 'releaseLead', 'is scheduled');
}

/** Defines a command that schedules leads again. @param result what a lead then is, such as `is due now` */
function scheduling(
  command: Command,
  context: CommandContext,
  method: 'retryLead' | 'releaseLead',
  result: string,
): Command {
  command.option('--force', 'override later cancellations by the same partner').addOption(wideOption());
  return defineAction(
    command,
    context,
    {
      id: 'id of the lead',
      state: '`scheduled`',
      may_have_arrived: 'whether the dialler may already have it',
      cancellations: relatedCancellationsMember,
    },
    async ({ store, output, note }, { force = false }: { force?: boolean }, [ids]: [string[]]) => {
      const pauses = await store.pauses();
      let isAnyScheduled = false;
      try {
        await processIds(output, await readIds(ids, context.input), async (id) => {
          const { mayHaveArrived, cancellations } = await store[method](id, force);
          isAnyScheduled = true;
          const warning = mayHaveArrived ? ' The dialler may already have it under the same id.' : '';
          await output.done(`Lead ${id} ${result}.${warning}`, {
            id,
            state: 'scheduled',
            may_have_arrived: mayHaveArrived,
            cancellations: cancellations.map(relatedCancellationJson),
          });
          await printRelatedCancellations(output, relatedCancellationRows({ id, cancellations }));
        });
      } finally {
        for (const pause of isAnyScheduled ? pauses : [])
          note(`Paused leads are not delivered until \`leads delivery resume\`: ${describePause(pause)}`);
      }
    },
  );
}
