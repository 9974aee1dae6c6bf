import { Command } from 'commander';
import type { RejectionRecord } from '../store/rejections.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { limitOption, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';

const members = {
  partner: 'name of the partner',
  operation: 'operation of the contract',
  outcome: 'the header `Lead-Outcome` of the responses',
  reason: 'first message of the responses, without names that the partner chose, or why the key was rejected',
  day: 'the day (UTC)',
  count: 'number of requests on that day',
  last_at: 'when the last of them was received (ISO 8601)',
  last_request_id: 'the `Request-Id` of the last of them, which the log includes',
};

const view: View<RejectionRecord, keyof typeof members> = {
  columns: {
    LAST: ({ lastAt }) => ({ time: lastAt }),
    PARTNER: ({ partner }) => partner,
    DAY: ({ day }) => formatDay(day),
    COUNT: ({ count }) => String(count),
    OPERATION: ({ operation }) => operation,
    OUTCOME: ({ outcome }) => outcome,
    REASON: ({ reason }) => reason,
    'LAST REQUEST': ({ lastRequestId }) => lastRequestId,
  },
  narrow: ['LAST', 'PARTNER', 'COUNT', 'OPERATION', 'OUTCOME', 'REASON'],
  json: (rejection) => ({
    partner: rejection.partner,
    operation: rejection.operation,
    outcome: rejection.outcome,
    reason: rejection.reason,
    day: formatDay(rejection.day),
    count: rejection.count,
    last_at: formatTime(rejection.lastAt),
    last_request_id: rejection.lastRequestId,
  }),
};

/** `leads rejection`: lists rejected requests. */
export function rejectionCommand(context: CommandContext): Command {
  return new Command('rejection')
    .description('requests of partners that were rejected, and therefore not stored')
    .addCommand(listCommand(context));
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description(
      'list rejected requests by partner, day and reason, latest first.\nServers save the counts every ten seconds and keep them for 400 days, without personal data. Requests without a known key are only logged',
    )
    .option('--partner <name>', 'only requests of this partner')
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    members,
    async ({ store, output }, { partner, limit }: { partner?: string; limit?: number }) => {
      const rows = output.limit(limit);
      await output.list(store.rejections(partner, rows), view, 'No requests were rejected.', rows);
    },
  );
}

function formatDay(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}
