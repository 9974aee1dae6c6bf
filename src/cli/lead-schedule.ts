import { Command } from 'commander';
import type { RetryOptions, RetryResult } from '../store/operator-actions.ts';
import type { Store } from '../store/store.ts';
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

/** `leads lead retry`: schedules leads for now. */
export function retryCommand(context: CommandContext): Command {
  const command = new Command('retry')
    .description(
      'schedule failed or dismissed leads, and scheduled leads whose next attempt is later, for delivery now, each under its original id.\nA lead that its partner cancelled later is not sent without --force',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --state failed` or `--waiting`'))
    .option('--early', 'also send scheduled leads that are not due yet');
  return scheduling(command, context, 'is due now', (store, id, options) => store.retryLead(id, options));
}

/** `leads lead release`: schedules held leads again. */
export function releaseCommand(context: CommandContext): Command {
  const command = new Command('release')
    .description(
      'schedule held leads, which a restored backup contained, for delivery at their due times, each under its original id.\nA lead that its partner cancelled later is not sent without --force',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --state held`'));
  return scheduling(command, context, 'is scheduled', (store, id, { isForced }) =>
    store.releaseLead(id, isForced),
  );
}

/** Defines a command that schedules leads again. @param result what a lead then is, such as `is due now` */
function scheduling(
  command: Command,
  context: CommandContext,
  result: string,
  schedule: (store: Store, id: string, options: Required<RetryOptions>) => Promise<RetryResult>,
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
    async (
      { store, output, note },
      { force = false, early = false }: { force?: boolean; early?: boolean },
      [ids]: [string[]],
    ) => {
      const options = { isForced: force, isEarly: early };
      const pauses = await store.pauses();
      let isAnyScheduled = false;
      try {
        await processIds(output, await readIds(ids, context.input), async (id) => {
          const { mayHaveArrived, cancellations } = await schedule(store, id, options);
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
