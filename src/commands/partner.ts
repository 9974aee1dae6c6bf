import { Command } from 'commander';
import { checkName } from '../partners/partner.ts';
import type { PartnerRecord } from '../store/store.ts';
import { time, type View } from './output.ts';
import { action, type Surroundings } from './session.ts';

const view: View<PartnerRecord> = {
  columns: {
    PARTNER: (partner) => partner.name,
    TYPES: (partner) => partner.types.join(', '),
    KEYS: (partner) => String(partner.keys),
    CREATED: (partner) => time(partner.createdAt),
  },
  json: (partner) => ({
    name: partner.name,
    types: partner.types,
    keys: partner.keys,
    created_at: time(partner.createdAt),
  }),
};

/** `leads partner`: who may send leads, and of which types. */
export function partnerCommand(surroundings: Surroundings): Command {
  const partner = new Command('partner').description('who may send leads, and of which types');

  const add = partner
    .command('add')
    .description('add a partner')
    .argument('<name>', 'a name for your own use')
    .option('--type <name>', 'grant it this lead type; can be given more than once', collect, []);
  action<{ type: string[] }, [string]>(add, surroundings, async ({ store, output }, { type }, name) => {
    checkName('partner', name);
    await store.addPartner(name, type);
    await output.done(`Added the partner ${name}. \`leads key create\` makes it a key.`, {
      name,
      types: type,
    });
  });

  const list = partner
    .command('list')
    .description('list the partners, their types and how many good keys each has');
  action(list, surroundings, async ({ store, output }) => {
    await output.list(store.partners(), view, 'There are no partners. `leads partner add NAME` adds one.');
  });

  const grant = partner
    .command('grant')
    .description('let a partner send leads of a type')
    .argument('<partner>', 'its name')
    .argument('<type>', 'the name of the lead type');
  action<object, [string, string]>(grant, surroundings, async ({ store, output }, _options, name, type) => {
    await store.grantType(name, type);
    await output.done(`${name} can send leads of the type ${type}.`, { partner: name, type });
  });

  return partner;
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}
