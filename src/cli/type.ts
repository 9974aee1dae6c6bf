import { Command, Option } from 'commander';
import { checkName } from '../partners/partner.ts';
import type { LeadTypeRecord } from '../store/store.ts';
import { formatDuration } from '../text/duration.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import { type Consent, consentOption } from './consent-option.ts';
import type { CommandContext } from './context.ts';
import type { View } from './output.ts';
import { parseRecontactPeriod, toSeconds } from './recontact-period.ts';
import { editCommand, renameCommand } from './type-change.ts';
import { retireCommand, unretireCommand } from './type-end.ts';

const newTypeMembers = {
  name: 'name of the lead type',
  recontact_after: 're-contact period (seconds); null: dialled people are never accepted again',
  consent_required: 'whether leads must contain the person’s consent',
};

const listMembers = {
  ...newTypeMembers,
  partners: 'names of the partners that it is granted to',
  former_names: 'names that it had before, which partners can still send',
  retired_at: 'when it was retired (ISO 8601); null: it is not retired',
  created_at: 'when it was created (ISO 8601)',
};

const view: View<LeadTypeRecord, keyof typeof listMembers> = {
  columns: {
    TYPE: (type) => type.name,
    STATE: ({ retiredAt }) => (retiredAt === null ? 'active' : 'retired'),
    'RE-CONTACT AFTER': ({ recontactAfter }) =>
      recontactAfter === null ? 'never' : formatDuration(recontactAfter),
    CONSENT: ({ consentRequired }) => (consentRequired ? 'required' : 'optional'),
    PARTNERS: (type) => type.partners.join(', '),
    'FORMER NAMES': (type) => type.formerNames.join(', ') || '-',
    CREATED: (type) => ({ time: type.createdAt }),
  },
  narrow: ['TYPE', 'STATE', 'RE-CONTACT AFTER', 'CONSENT', 'PARTNERS'],
  json: (type) => ({
    name: type.name,
    recontact_after: toSeconds(type.recontactAfter),
    consent_required: type.consentRequired,
    partners: type.partners,
    former_names: type.formerNames,
    retired_at: formatTime(type.retiredAt),
    created_at: formatTime(type.createdAt),
  }),
};

/** `leads type`: manages the lead types of the deployment. */
export function typeCommand(context: CommandContext): Command {
  return new Command('type')
    .description('the lead types that partners can be granted')
    .addCommand(addCommand(context))
    .addCommand(listCommand(context))
    .addCommand(editCommand(context))
    .addCommand(renameCommand(context))
    .addCommand(retireCommand(context))
    .addCommand(unretireCommand(context));
}

function addCommand(context: CommandContext): Command {
  const command = new Command('add')
    .description('add a lead type')
    .argument('<name>', 'the value that partners send as `type`')
    .addOption(
      new Option(
        '--recontact-after <duration>',
        'accept a dialled person again after this time, such as 90d, or `never`',
      ).default(undefined, 'never'),
    )
    .addOption(consentOption().default(undefined, 'optional'));
  return defineAction(
    command,
    context,
    newTypeMembers,
    async ({ store, output }, options: { recontactAfter?: string; consent?: Consent }, [name]: [string]) => {
      checkName('lead type', name);
      const recontactAfter =
        options.recontactAfter === undefined ? null : parseRecontactPeriod(options.recontactAfter);
      const isRequired = options.consent === 'required';
      await store.addType(name, recontactAfter);
      // No partner can send leads of it yet.
      if (isRequired) await store.setConsentRequired(name, true);
      await output.done(`Added lead type ${JSON.stringify(name)}.`, {
        name,
        recontact_after: toSeconds(recontactAfter),
        consent_required: isRequired,
      });
    },
  );
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list lead types and the partners that they are granted to')
    .addOption(wideOption());
  return defineAction(command, context, listMembers, async ({ store, output }) => {
    await output.list(store.types(), view, 'There are no lead types. Run `leads type add` to add one.');
  });
}
