import { Command } from 'commander';
import { defineAction } from './action.ts';
import type { CommandContext } from './context.ts';
import { findPartner } from './find-partner.ts';
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

/** `leads partner grant`: allows a partner to send leads of a type. */
export function grantCommand(context: CommandContext): Command {
  const command = new Command('grant')
    .description('allow a partner to send leads of a type')
    .argument('<partner>', 'name of the partner')
    .argument('<type>', 'name of the lead type');
  return defineAction(
    command,
    context,
    { partner: 'name of the partner', type: 'name of the lead type' },
    async ({ store, output }, _options: object, [partner, given]: [string, string]) => {
      await store.grantType(partner, given);
      const { name: type } = await findType(store, given);
      const sentence = `Partner ${JSON.stringify(partner)} can send leads of type ${JSON.stringify(type)}.`;
      await output.done(sentence, { partner, type });
    },
  );
}

/** `leads partner revoke-type`: stops accepting leads of a type from a partner. */
export function revokeTypeCommand(context: CommandContext): Command {
  const command = new Command('revoke-type')
    .description(
      'stop accepting leads of a type from a partner: further submissions get the outcome `unknown-type`.\nThe partner can still cancel and look up the leads that it has sent. Undo it with `leads partner grant`',
    )
    .argument('<partner>', 'name of the partner')
    .argument('<type>', 'name of the lead type')
    .addOption(leadsOption());
  return defineAction(
    command,
    context,
    {
      partner: 'name of the partner',
      type: 'name of the lead type',
      revoked: 'true',
      ...remainingLeadsMembers,
    },
    async ({ store, output }, { leads }: { leads?: LeadsChoice }, [partner, given]: [string, string]) => {
      const { name: type } = await findType(store, given);
      const matching = { store, filter: { partner, type } };
      const names = `partner ${JSON.stringify(partner)} and type ${JSON.stringify(type)}`;
      const change = `Further submissions of ${names} will get the outcome \`unknown-type\``;
      const isGranted = (await findPartner(store, partner)).types.includes(type);
      const choice = isGranted ? await chooseForLeads(matching, context, leads, change) : (leads ?? 'keep');
      await store.revokeType(partner, type);
      const remaining = await settleLeads(matching, choice);
      const result = isGranted
        ? `Partner ${JSON.stringify(partner)} can send no more leads of type ${JSON.stringify(type)}.`
        : `Lead type ${JSON.stringify(type)} was already revoked from partner ${JSON.stringify(partner)}, which was not changed.`;
      await output.done(`${result} ${describeRemainingLeads(remaining)}`, {
        partner,
        type,
        revoked: true,
        ...remainingLeadsJson(remaining),
      });
    },
  );
}
