import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { Readdition } from '../leads/lead.ts';
import type { Store } from '../store/store.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { confirm, confirmElsewhere, yesOption } from './confirm.ts';
import type { CommandContext } from './context.ts';
import type { Output } from './output.ts';
import { idsArgument, processIds, readIds } from './process-ids.ts';

const members = {
  id: 'id of the lead',
  state: '`cancelled`, `dismissed`, or `withdrawing` until the dialler has confirmed that nobody is called',
  can_be_added_again: 'whether the person would be accepted now, for the same lead type',
  active_lead_id: 'id of the active lead of the person and type; null: none',
  can_be_added_from:
    'when the re-contact period of the active lead ends (ISO 8601); null: it is not dialled, or its type has no such period',
};

/** `leads lead cancel`: cancels leads, or begins to withdraw them from the dialler. */
export function cancelCommand(context: CommandContext): Command {
  const command = new Command('cancel')
    .description(
      'cancel scheduled, held, failed or dismissed leads, so that nobody is called. Leads that the dialler has, or may have, are withdrawn from it if their type allows that; `leads lead show` shows the result.\nTheir partners see that they are cancelled. A cancelled lead cannot be restored, but its submission can be re-run',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list`'))
    .option('--withdraw', 'also withdraw leads whose type does not, if the dialler can do so')
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    members,
    async ({ store, output }, { yes, withdraw }: { yes?: true; withdraw?: true }, [words]: [string[]]) => {
      const ids = await readIds(words, context.input);
      if (!yes && ids.length > 0) {
        const change = describeCancellation(ids, await cancellable(store, ids, withdraw));
        await (words.includes('-') ? confirmElsewhere(context, change) : confirm(context, change));
      }
      await processIds(output, ids, async (id) => {
        const cancelled = await store.cancelLead(id, withdraw);
        if (cancelled.isWithdrawing) await reportWithdrawing(output, id, cancelled);
        else await reportEnded(output, id, 'cancelled', cancelled);
      });
    },
  );
}

/**
 * Returns the ids of the leads that can be cancelled.
 *
 * @throws {AggregateError} if there are none, with the reason of each
 */
async function cancellable(
  store: Pick<Store, 'checkCancellable'>,
  ids: readonly string[],
  withdrawsAny: boolean | undefined,
): Promise<string[]> {
  const errors: unknown[] = [];
  const found: string[] = [];
  for (const id of ids) {
    try {
      await store.checkCancellable(id, withdrawsAny);
      found.push(id);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      errors.push(error);
    }
  }
  if (found.length === 0) throw new AggregateError(errors);
  return found;
}

function describeCancellation(ids: readonly string[], found: readonly string[]): string {
  const [first] = found;
  const all = found.length === 1 ? `Lead ${first}` : `${found.length} leads`;
  const leads = found.length === ids.length ? all : `${found.length} of ${ids.length} leads`;
  return `${leads} will be cancelled and not called, and cancelled leads cannot be restored`;
}

/** `leads lead dismiss`: takes failed leads off the list of those that need attention. */
export function dismissCommand(context: CommandContext): Command {
  const command = new Command('dismiss')
    .description(
      'dismiss failed leads that you will not retry: they are no longer counted as failed, and `leads prune` removes them when they are old.\nPartners still see `failed`. `leads lead retry` also sends a dismissed lead',
    )
    .addArgument(idsArgument('ids of the leads, from `leads lead list --state failed`'));
  return defineAction(
    command,
    context,
    members,
    async ({ store, output }, _: object, [words]: [string[]]) => {
      const ids = await readIds(words, context.input);
      await processIds(output, ids, async (id) => {
        await reportEnded(output, id, 'dismissed', await store.dismissLead(id));
      });
    },
  );
}

async function reportEnded(
  output: Output<keyof typeof members>,
  id: string,
  state: 'cancelled' | 'dismissed',
  readdition: Readdition,
): Promise<void> {
  await output.done(`Lead ${id} is ${state}. ${describeReaddition(readdition)}`, {
    id,
    state,
    ...readditionJson(readdition),
  });
}

async function reportWithdrawing(
  output: Output<keyof typeof members>,
  id: string,
  readdition: Readdition,
): Promise<void> {
  await output.done(
    `Lead ${id} is being withdrawn from the dialler. Run \`leads lead show ${id}\` to see the result.`,
    { id, state: 'withdrawing', ...readditionJson(readdition) },
  );
}

function readditionJson({ isPossible, activeLead, possibleFrom }: Readdition) {
  return {
    can_be_added_again: isPossible,
    active_lead_id: activeLead?.id ?? null,
    can_be_added_from: formatTime(possibleFrom ?? null),
  };
}

/** Describes in a sentence whether a person can be added again. */
function describeReaddition({ isPossible, activeLead, possibleFrom }: Readdition): string {
  if (activeLead === undefined) return 'The person can be added again.';
  const { id, state } = activeLead;
  if (isPossible) return `The person can be added again: the re-contact period of lead ${id} has ended.`;
  if (possibleFrom !== undefined) {
    return `The person can be added again from ${formatTime(possibleFrom)}, when the re-contact period of lead ${id} ends.`;
  }
  return state === 'dialled'
    ? `The person cannot be added again: lead ${id} was dialled, and its type has no re-contact period.`
    : `The person cannot be added again yet: lead ${id} is ${state === 'failed' ? 'undecided' : state}.`;
}
