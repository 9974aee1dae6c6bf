import { Command } from 'commander';
import { defineAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findType } from './find-type.ts';
import {
  chooseForLeads,
  describeRemainingLeads,
  type LeadsChoice,
  leadsOption,
  remainingLeadsJson,
  remainingLeadsMembers,
  settleLeads,
} from './remaining-leads.ts';

/** `leads type retire`: stops accepting leads of a type. */
export function retireCommand(context: CommandContext): Command {
  const command = new Command('retire')
    .description(
      'stop accepting leads of a type from every partner: further submissions get the outcome `unknown-type`.\nPartners can still cancel and look up its leads. Undo it with `leads type unretire`',
    )
    .argument('<name>', 'name of the lead type')
    .addOption(leadsOption());
  return defineAction(
    command,
    context,
    {
      name: 'name of the lead type',
      retired: 'true',
      partners: 'names of the partners that it is granted to',
      ...remainingLeadsMembers,
    },
    async ({ store, output }, { leads }: { leads?: LeadsChoice }, [given]: [string]) => {
      const { name, partners } = await findType(store, given);
      const matching = { store, filter: { type: name } };
      const from = `${counted(partners.length, 'partner', 'partners')}`;
      const change = `Further submissions of type ${JSON.stringify(name)} (granted to ${from}) will get the outcome \`unknown-type\``;
      const choice = await chooseForLeads(matching, context, leads, change);
      await store.retireType(name);
      const remaining = await settleLeads(matching, choice);
      await output.done(
        `Retired lead type ${JSON.stringify(name)}, which was granted to ${from}. ${describeRemainingLeads(remaining)}`,
        { name, retired: true, partners, ...remainingLeadsJson(remaining) },
      );
    },
  );
}

/** `leads type unretire`: undoes `leads type retire`. */
export function unretireCommand(context: CommandContext): Command {
  const command = new Command('unretire')
    .description('accept leads of a retired type again; cancelled leads stay cancelled')
    .argument('<name>', 'name of the lead type');
  return defineAction(
    command,
    context,
    {
      name: 'name of the lead type',
      retired: 'false',
      partners: 'names of the partners that it is granted to',
    },
    async ({ store, output }, _options: object, [given]: [string]) => {
      const { name, partners } = await findType(store, given);
      await store.unretireType(name);
      const from = counted(partners.length, 'partner', 'partners');
      await output.done(`Leads of type ${JSON.stringify(name)} are accepted again, from ${from}.`, {
        name,
        retired: false,
        partners,
      });
    },
  );
}
