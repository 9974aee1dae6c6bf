import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { WithdrawalFilter, WithdrawalRecord } from '../store/withdrawals.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { limitOption, testDataOption, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';
import { idsArgument, processIds, readIds } from './process-ids.ts';
import { timeOr } from './table.ts';

const listMembers = {
  id: 'id of the lead',
  partner: 'name of the partner',
  type: 'name of the lead type',
  mobile: 'phone number (E.164)',
  cause: '`cancellation`, `objection` or `erasure`',
  requested_at: 'when it was requested (ISO 8601)',
  attempts: 'number of attempts at the dialler',
  next_attempt_at:
    'earliest time of the next attempt (ISO 8601); null: it has ended, or an attempt is in flight',
  outcome: '`withdrawn`, `too-late` or `failed`; null: it is open',
  ended_at: 'when it ended (ISO 8601); null: it is open',
  response: 'what the dialler last responded; null: no attempt yet',
};

/** How a withdrawal is displayed. */
export const withdrawalView: View<WithdrawalRecord, keyof typeof listMembers> = {
  columns: {
    LEAD: ({ leadId }) => leadId,
    STATE: ({ outcome }) => outcome ?? 'open',
    CAUSE: ({ cause }) => cause,
    REQUESTED: ({ requestedAt }) => ({ time: requestedAt }),
    'NEXT ATTEMPT': ({ nextAttemptAt, outcome }) =>
      timeOr(nextAttemptAt, outcome === null ? 'in flight' : '-'),
    ATTEMPTS: ({ attempts }) => String(attempts),
    TYPE: ({ type }) => type,
    PARTNER: ({ partner }) => partner,
    MOBILE: ({ mobile }) => mobile,
    ENDED: ({ endedAt }) => timeOr(endedAt, '-'),
    'LAST RESPONSE': ({ response }) => response ?? '-',
  },
  narrow: ['LEAD', 'STATE', 'CAUSE', 'REQUESTED', 'LAST RESPONSE'],
  json: (withdrawal) => ({
    id: withdrawal.leadId,
    partner: withdrawal.partner,
    type: withdrawal.type,
    mobile: withdrawal.mobile,
    cause: withdrawal.cause,
    requested_at: formatTime(withdrawal.requestedAt),
    attempts: withdrawal.attempts,
    next_attempt_at: formatTime(withdrawal.nextAttemptAt),
    outcome: withdrawal.outcome,
    ended_at: formatTime(withdrawal.endedAt),
    response: withdrawal.response,
  }),
};

/** `leads withdrawal`: withdrawals of leads from the dialler. */
export function withdrawalCommand(context: CommandContext): Command {
  return new Command('withdrawal')
    .description('withdrawals of leads that the dialler has, or may have')
    .addCommand(listCommand(context))
    .addCommand(retryCommand(context))
    .addCommand(resolveCommand(context));
}

const states = ['open', 'failed', 'withdrawn', 'too-late'] as const;

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list withdrawals, by default those that are open or have failed, newest lead first')
    .addOption(new Option('--state <state>', 'only withdrawals in this state').choices(states))
    .addOption(testDataOption())
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    listMembers,
    async (
      { store, output },
      { state, limit }: { state?: NonNullable<WithdrawalFilter['state']>; limit?: number },
    ) => {
      const rows = output.limit(limit);
      const found = store.withdrawals(state === undefined ? {} : { state }, rows);
      await output.list(found, withdrawalView, 'There are no matching withdrawals.', rows);
    },
  );
}

function retryCommand(context: CommandContext): Command {
  const command = new Command('retry')
    .description(
      'ask the dialler now to remove the leads of withdrawals that are open or have failed, such as once it works again',
    )
    .addArgument(idsArgument('ids of the leads, from `leads withdrawal list`'));
  return defineAction(
    command,
    context,
    { id: 'id of the lead' },
    async ({ store, output }, _: object, [words]: [string[]]) => {
      await processIds(output, await readIds(words, context.input), async (id) => {
        await store.retryWithdrawal(id);
        await output.done(
          `The withdrawal of lead ${id} is due now. Run \`leads withdrawal list\` to see the result.`,
          { id },
        );
      });
    },
  );
}

function resolveCommand(context: CommandContext): Command {
  const command = new Command('resolve')
    .description(
      'record how withdrawals that are open or have failed ended, after you have looked the leads up at the dialler',
    )
    .addArgument(idsArgument('ids of the leads, from `leads withdrawal list`'))
    .addOption(
      new Option('--withdrawn', 'nobody is called: the dialler no longer has the leads').conflicts('tooLate'),
    )
    .option('--too-late', 'the people have been called');
  return defineAction(
    command,
    context,
    { id: 'id of the lead', outcome: '`withdrawn` or `too-late`' },
    async ({ store, output }, options: { withdrawn?: true; tooLate?: true }, [words]: [string[]]) => {
      if (options.withdrawn === options.tooLate)
        throw new UserError('Specify either --withdrawn or --too-late.');
      const wasWithdrawn = options.withdrawn === true;
      await processIds(output, await readIds(words, context.input), async (id) => {
        await store.resolveWithdrawal(id, wasWithdrawn);
        const outcome = wasWithdrawn ? 'withdrawn' : 'too-late';
        const sentence = wasWithdrawn
          ? `Lead ${id} is withdrawn. The person will not be called for it.`
          : `Lead ${id} was too late to be withdrawn. It stays dialled.`;
        await output.done(sentence, { id, outcome });
      });
    },
  );
}
