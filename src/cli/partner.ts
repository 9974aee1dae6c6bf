import { Command, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { maxPriority } from '../leads/submission.ts';
import { checkName } from '../partners/partner.ts';
import {
  maxBurst,
  maxDailyQuota,
  maxPerSecond,
  type PartnerLimit,
  rateLimit,
} from '../partners/rate-limit.ts';
import type { PartnerRecord } from '../store/partners.ts';
import { shellWord } from '../text/shell.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { collect, parseCount, parseDigits, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findPartner } from './find-partner.ts';
import { findType } from './find-type.ts';
import type { View } from './output.ts';
import { deleteCommand, resumeCommand, suspendCommand } from './partner-end.ts';
import { grantCommand, revokeTypeCommand } from './partner-types.ts';
import { webhookCommand } from './partner-webhook.ts';

const limitMember = '`off`, `default`, or an object with `per_second` and `burst`';
const quotaMember = 'maximum number of leads that are accepted on one day (UTC); null: any number';

const priorityMember = 'maximum priority of its leads, from 0 to 9';

const listMembers = {
  name: 'name of the partner',
  state: '`active`, `suspended` or `deleted`',
  types: 'names of the lead types granted to it',
  keys: 'number of keys that are neither revoked nor expired; they are rejected while the partner is suspended',
  limit: limitMember,
  daily_quota: quotaMember,
  max_priority: priorityMember,
  webhook: 'URL to which its events are sent; null: none',
  accepted_today: 'number of its leads that were accepted today (UTC), recorded every few seconds',
  suspended_at: 'when it was suspended (ISO 8601); null: it is not suspended',
  deleted_at: 'when it was deleted (ISO 8601); null: it is not deleted',
  created_at: 'when it was created (ISO 8601)',
};

/** A partner, with the URL of its webhook (null: none). */
type ListedPartner = PartnerRecord & { webhook: string | null };

const view: View<ListedPartner, keyof typeof listMembers> = {
  columns: {
    PARTNER: (partner) => partner.name,
    STATE: stateOf,
    TYPES: (partner) => partner.types.join(', '),
    KEYS: (partner) => String(partner.keys),
    LIMIT: ({ limit }) => (typeof limit === 'string' ? limit : `${limit.perSecond}/s, burst ${limit.burst}`),
    TODAY: ({ acceptedToday, dailyQuota }) =>
      dailyQuota === null ? String(acceptedToday) : `${acceptedToday} of ${dailyQuota}`,
    PRIORITY: ({ maxPriority }) => `up to ${maxPriority}`,
    WEBHOOK: ({ webhook }) => webhook ?? '-',
    CREATED: (partner) => ({ time: partner.createdAt }),
  },
  narrow: ['PARTNER', 'STATE', 'TYPES', 'KEYS', 'LIMIT', 'TODAY'],
  json: (partner) => ({
    name: partner.name,
    state: stateOf(partner),
    types: partner.types,
    keys: partner.keys,
    limit: limitJson(partner.limit),
    daily_quota: partner.dailyQuota,
    max_priority: partner.maxPriority,
    webhook: partner.webhook,
    accepted_today: partner.acceptedToday,
    suspended_at: formatTime(partner.suspendedAt),
    deleted_at: formatTime(partner.deletedAt),
    created_at: formatTime(partner.createdAt),
  }),
};

function stateOf({ suspendedAt, deletedAt }: PartnerRecord): 'active' | 'suspended' | 'deleted' {
  if (deletedAt !== null) return 'deleted';
  return suspendedAt === null ? 'active' : 'suspended';
}

/** `leads partner`: manages partners, their lead types and rate limits. */
export function partnerCommand(context: CommandContext): Command {
  return new Command('partner')
    .description('the organisations that send leads')
    .addCommand(addCommand(context))
    .addCommand(listCommand(context))
    .addCommand(grantCommand(context))
    .addCommand(revokeTypeCommand(context))
    .addCommand(limitCommand(context))
    .addCommand(webhookCommand(context))
    .addCommand(suspendCommand(context))
    .addCommand(resumeCommand(context))
    .addCommand(deleteCommand(context));
}

function addCommand(context: CommandContext): Command {
  const command = new Command('add')
    .description('add a partner')
    .argument('<name>', 'a name for your own use')
    .addOption(
      new Option('--type <name>', 'grant it this lead type; can be repeated')
        .argParser(collect)
        .default([], 'none'),
    );
  return defineAction(
    command,
    context,
    { name: 'name of the partner', types: 'names of the lead types granted to it' },
    async ({ store, output }, { type: given }: { type: string[] }, [name]: [string]) => {
      checkName('partner', name);
      const names = new Set<string>();
      for (const each of given) names.add((await findType(store, each)).name);
      const types = [...names];
      await store.addPartner(name, types);
      await output.done(
        `Added partner ${JSON.stringify(name)}. Run \`leads key create ${shellWord(name)}\` to create a key for it.`,
        {
          name,
          types,
        },
      );
    },
  );
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list partners with their state, lead types, keys and limits')
    .option('--all', 'include deleted partners')
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    listMembers,
    async ({ store, output }, { all = false }: { all?: boolean }) => {
      const listed = (await Array.fromAsync(store.partners())).filter(
        ({ deletedAt }) => all || deletedAt === null,
      );
      const webhooks = new Map((await store.webhooks()).map(({ partner, url }) => [partner, url]));
      const rows = listed.map((partner) => ({ ...partner, webhook: webhooks.get(partner.name) ?? null }));
      await output.list(rows, view, 'There are no partners. Run `leads partner add` to add one.');
    },
  );
}

interface LimitOptions {
  burst?: number;
  daily?: number | 'off' | undefined;
  priority?: number | undefined;
}

function limitCommand(context: CommandContext): Command {
  const command = new Command('limit')
    .description(
      'set the rate limit of each key of a partner, how many of its leads are accepted per day, and their maximum priority',
    )
    .argument('<partner>', 'name of the partner')
    .argument('[per-second]', 'requests per second; `off`: no limit; `default`: RATE_LIMIT', parseRate)
    .addOption(
      new Option('--burst <n>', 'maximum number of requests at once')
        .argParser((text) => parseCountUpTo(maxBurst, text))
        .default(undefined, 'ten seconds’ worth of requests'),
    )
    .addOption(
      new Option(
        '--daily <n>',
        'number of leads of the partner that are accepted on one day (UTC); `off`: any number',
      ).argParser((text) => (text === 'off' ? text : parseCountUpTo(maxDailyQuota, text))),
    )
    .addOption(
      new Option(
        '--priority <n>',
        'maximum priority of leads that the partner adds from now on, from 0 to 9; 9: no maximum',
      ).argParser(parsePriority),
    );
  return defineAction(
    command,
    context,
    {
      partner: 'name of the partner',
      limit: limitMember,
      daily_quota: quotaMember,
      max_priority: priorityMember,
    },
    async (
      { store, output },
      { burst, daily, priority }: LimitOptions,
      [name, rate]: [string, number | 'off' | 'default' | undefined],
    ) => {
      const limit = limitIn(rate, burst);
      if (limit === undefined && daily === undefined && priority === undefined) {
        throw new UserError('Nothing to set. Pass a number of requests per second, --daily or --priority.');
      }
      if (limit !== undefined) await store.limitPartner(name, limit);
      if (daily !== undefined) await store.setDailyQuota(name, daily === 'off' ? null : daily);
      if (priority !== undefined) await store.setMaxPriority(name, priority);
      const partner = await findPartner(store, name);
      await output.done(describeLimits(partner, limit, { daily, priority }), {
        partner: name,
        limit: limitJson(partner.limit),
        daily_quota: partner.dailyQuota,
        max_priority: partner.maxPriority,
      });
    },
  );
}

/** Returns the rate limit that the arguments state; undefined: none. */
function limitIn(
  rate: number | 'off' | 'default' | undefined,
  burst: number | undefined,
): PartnerLimit | undefined {
  if (typeof rate === 'number') return rateLimit(rate, burst);
  if (burst === undefined) return rate;
  throw new UserError(
    `--burst requires a number of requests per second${rate === undefined ? '' : `, not \`${rate}\``}.`,
  );
}

/** Describes the limits that were set. */
function describeLimits(
  { name, dailyQuota }: PartnerRecord,
  limit: PartnerLimit | undefined,
  { daily, priority }: LimitOptions,
): string {
  const partner = JSON.stringify(name);
  const sentences: string[] = [];
  if (limit !== undefined) sentences.push(`Each key of partner ${partner} may send ${describeLimit(limit)}.`);
  if (daily !== undefined) {
    const leads =
      dailyQuota === null ? 'any number of leads' : `up to ${counted(dailyQuota, 'lead', 'leads')}`;
    sentences.push(`Partner ${partner} may add ${leads} on one day (UTC).`);
  }
  if (priority === maxPriority) sentences.push(`Partner ${partner} may send any priority.`);
  else if (priority !== undefined) {
    sentences.push(`Leads that partner ${partner} adds have a priority of up to ${priority}.`);
  }
  return sentences.join(' ');
}

function parseRate(text: string): number | 'off' | 'default' {
  if (text === 'off' || text === 'default') return text;
  const rate = parseDigits(text);
  if (rate >= 1 && rate <= maxPerSecond) return rate;
  throw new InvalidArgumentError(
    `It must be \`off\`, \`default\` or a whole number from 1 to ${maxPerSecond}.`,
  );
}

function parsePriority(text: string): number {
  const priority = parseDigits(text);
  if (priority <= maxPriority) return priority;
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${maxPriority}.`);
}

function parseCountUpTo(max: number, text: string): number {
  const count = parseCount(text);
  if (count <= max) return count;
  throw new InvalidArgumentError(`It must be at most ${max}.`);
}

function describeLimit(limit: PartnerLimit): string {
  if (limit === 'off') return 'any number of requests';
  if (limit === 'default') return 'as many requests as RATE_LIMIT allows';
  return `${counted(limit.perSecond, 'request', 'requests')} per second, and up to ${limit.burst} at once`;
}

function limitJson(limit: PartnerLimit): string | object {
  return typeof limit === 'string' ? limit : { per_second: limit.perSecond, burst: limit.burst };
}
