import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { ResolvedState } from '../store/operator-actions.ts';
import { defineAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { cancelCommand, dismissCommand } from './lead-end.ts';
import { listCommand } from './lead-list.ts';
import { releaseCommand, retryCommand } from './lead-schedule.ts';
import { showCommand } from './lead-show.ts';
import { idsArgument, processIds, readIds } from './process-ids.ts';

/** `leads lead`: lists leads, and what an operator does with single ones. */
export function leadCommand(context: CommandContext): Command {
  return new Command('lead')
    .description('accepted leads and their delivery')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(retryCommand(context))
    .addCommand(resolveCommand(context))
    .addCommand(cancelCommand(context))
    .addCommand(dismissCommand(context))
    .addCommand(releaseCommand(context));
}

/** What a resolution means, by the state of the lead before. */
const resolutions = {
  failed: {
    delivered: 'dialled at its last attempt.',
    notDelivered: 'not delivered. The person can be added again.',
  },
  held: {
    delivered: 'dialled now, because the time of its delivery is unknown.',
    notDelivered: 'not delivered. It stays held until you release it.',
  },
  scheduled: {
    delivered: 'dialled now, and will not be delivered.',
    notDelivered: 'not delivered.',
  },
  withdrawing: {
    delivered: 'dialled at its last attempt. It is still being withdrawn from the dialler.',
    notDelivered: 'not delivered. It is withdrawn, and the person will not be called.',
  },
};

/** Returns the state after `--not-delivered`. */
function stateIfNotDelivered(before: ResolvedState): string {
  return before === 'withdrawing' ? 'cancelled' : before;
}

interface ResolveOptions {
  delivered?: true;
  notDelivered?: true;
}

function resolveCommand(context: CommandContext): Command {
  const command = new Command('resolve')
    .description(
      'record whether undecided or held leads reached the dialler. Check the dialler first.\nUntil you resolve undecided leads, the same people cannot be added again.\nAfter a restore, --delivered also applies to scheduled leads whose people the dialler has under another id',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --undecided` or `--state held`'))
    .addOption(
      new Option(
        '--delivered',
        'the dialler has them: they become `dialled`, and are not delivered',
      ).conflicts('notDelivered'),
    )
    .option(
      '--not-delivered',
      'the dialler does not have them: they stay `failed`, and the people can be added again; held leads stay `held` until `leads lead release`',
    );
  return defineAction(
    command,
    context,
    {
      id: 'id of the lead',
      state: '`dialled`, `failed`, `held`, or `cancelled` if it was being withdrawn',
      undecided: 'false',
    },
    async ({ store, output }, options: ResolveOptions, [ids]: [string[]]) => {
      if (options.delivered === options.notDelivered)
        throw new UserError('Specify either --delivered or --not-delivered.');
      const wasDelivered = options.delivered === true;
      await processIds(output, await readIds(ids, context.input), async (id) => {
        const before = await store.resolveLead(id, wasDelivered);
        const { delivered, notDelivered } = resolutions[before];
        await output.done(`Lead ${id} is recorded as ${wasDelivered ? delivered : notDelivered}`, {
          id,
          state: wasDelivered ? 'dialled' : stateIfNotDelivered(before),
          undecided: false,
        });
      });
    },
  );
}
