import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { type LeadState, leadStates } from '../leads/lead.ts';
import { defineAction } from './action.ts';
import { limitOption, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { cancelCommand, dismissCommand } from './lead-end.ts';
import { releaseCommand, retryCommand } from './lead-schedule.ts';
import { showCommand } from './lead-show.ts';
import { heldView, leadMembers, leadView } from './lead-view.ts';
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

interface ListOptions {
  state?: LeadState;
  undecided?: true;
  type?: string;
  partner?: string;
  limit?: number;
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list leads, newest first')
    .addOption(new Option('--state <state>', 'only leads in this state').choices(leadStates))
    .option('--undecided', 'only failed leads that may have reached the dialler (see `leads lead resolve`)')
    .option('--type <name>', 'only leads of this type')
    .option('--partner <name>', 'only leads of this partner')
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(command, context, leadMembers, async ({ store, output }, options: ListOptions) => {
    const { limit, undecided, state, type, partner } = options;
    const rows = output.limit(limit);
    const filter = {
      ...(state !== undefined && { state }),
      ...(type !== undefined && { type }),
      ...(partner !== undefined && { partner }),
      ...(undecided && { isUndecided: undecided }),
    };
    const view = state === 'held' ? heldView : leadView;
    await output.list(store.leads(filter, rows), view, 'There are no matching leads.', rows);
  });
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
};

interface ResolveOptions {
  delivered?: true;
  notDelivered?: true;
}

function resolveCommand(context: CommandContext): Command {
  const command = new Command('resolve')
    .description(
      'record whether undecided or held leads reached the dialler. Check the dialler first.\nUntil you resolve undecided leads, the same people cannot be added again',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --undecided` or `--state held`'))
    .addOption(
      new Option('--delivered', 'the dialler has them: they become `dialled`').conflicts('notDelivered'),
    )
    .option(
      '--not-delivered',
      'the dialler does not have them: they stay `failed`, and the people can be added again; held leads stay `held` until `leads lead release`',
    );
  return defineAction(
    command,
    context,
    { id: 'id of the lead', state: '`dialled`, `failed` or `held`', undecided: 'false' },
    async ({ store, output }, options: ResolveOptions, [ids]: [string[]]) => {
      if (options.delivered === options.notDelivered)
        throw new UserError('Specify either --delivered or --not-delivered.');
      const wasDelivered = options.delivered === true;
      await processIds(output, await readIds(ids, context.input), async (id) => {
        const before = await store.resolveLead(id, wasDelivered);
        const { delivered, notDelivered } = resolutions[before];
        await output.done(`Lead ${id} is recorded as ${wasDelivered ? delivered : notDelivered}`, {
          id,
          state: wasDelivered ? 'dialled' : before,
          undecided: false,
        });
      });
    },
  );
}
