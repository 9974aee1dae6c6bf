import { Command, InvalidArgumentError } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { checkName } from '../partners/partner.ts';
import { maxBurst, maxPerSecond, type PartnerLimit, rateLimit } from '../partners/rate-limit.ts';
import type { PartnerRecord } from '../store/store.ts';
import { time, type View } from './output.ts';
import { action, type CommandContext, readCount } from './session.ts';

const view: View<PartnerRecord> = {
  columns: {
    PARTNER: (partner) => partner.name,
    TYPES: (partner) => partner.types.join(', '),
    KEYS: (partner) => String(partner.keys),
    LIMIT: ({ limit }) =>
      typeof limit === 'string' ? limit : `${limit.perSecond}/s, ${limit.burst} at once`,
    CREATED: (partner) => time(partner.createdAt),
  },
  json: (partner) => ({
    name: partner.name,
    types: partner.types,
    keys: partner.keys,
    limit: limitAsJson(partner.limit),
    created_at: time(partner.createdAt),
  }),
};

/** `leads partner`: who may send leads, and of which types. */
export function partnerCommand(context: CommandContext): Command {
  const partner = new Command('partner').description('who may send leads, and of which types');

  const add = partner
    .command('add')
    .description('add a partner')
    .argument('<name>', 'a name for your own use')
    .option('--type <name>', 'grant it this lead type; can be given more than once', collect, []);
  action<{ type: string[] }, [string]>(add, context, async ({ store, output }, { type }, name) => {
    checkName('partner', name);
    await store.addPartner(name, type);
    await output.done(`Added the partner ${name}. \`leads key create\` makes it a key.`, {
      name,
      types: type,
    });
  });

  const list = partner
    .command('list')
    .description('list the partners, their types and how many valid keys each has');
  action(list, context, async ({ store, output }) => {
    await output.list(store.partners(), view, 'There are no partners. `leads partner add NAME` adds one.');
  });

  const grant = partner
    .command('grant')
    .description('let a partner send leads of a type')
    .argument('<partner>', 'its name')
    .argument('<type>', 'the name of the lead type');
  action<object, [string, string]>(grant, context, async ({ store, output }, _options, name, type) => {
    await store.grantType(name, type);
    await output.done(`${name} can send leads of the type ${type}.`, { partner: name, type });
  });

  const limit = partner
    .command('limit')
    .description('set how many requests each key of a partner may send')
    .argument('<partner>', 'its name')
    .argument('<per-second>', 'requests a second; `off` for no limit, `default` for RATE_LIMIT', readRate)
    .option(
      '--burst <n>',
      'how many at once after a pause; ten times as many as a second without it',
      (text) => countUpTo(maxBurst, text),
    );
  action<{ burst?: number }, [string, number | 'off' | 'default']>(
    limit,
    context,
    async ({ store, output }, { burst }, name, rate) => {
      const chosen = typeof rate === 'string' ? rate : rateLimit(rate, burst);
      if (typeof rate === 'string' && burst !== undefined) {
        throw new UserError('A burst goes with a number of requests a second. Leave --burst out.');
      }
      await store.limitPartner(name, chosen);
      await output.done(`Each key of ${name} may send ${limitInWords(chosen)}.`, {
        partner: name,
        limit: limitAsJson(chosen),
      });
    },
  );

  return partner;
}

function readRate(text: string): number | 'off' | 'default' {
  if (text === 'off' || text === 'default') return text;
  return countUpTo(maxPerSecond, text);
}

function countUpTo(most: number, text: string): number {
  const count = readCount(text);
  if (count <= most) return count;
  throw new InvalidArgumentError(`It should be at most ${most}.`);
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function limitInWords(limit: PartnerLimit): string {
  if (limit === 'off') return 'any number of requests';
  if (limit === 'default') return 'as many requests as RATE_LIMIT says';
  return `${limit.perSecond} requests a second, and ${limit.burst} at once`;
}

function limitAsJson(limit: PartnerLimit): string | object {
  return typeof limit === 'string' ? limit : { per_second: limit.perSecond, burst: limit.burst };
}
