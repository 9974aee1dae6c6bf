import { Command, Option } from 'commander';
import { checkName } from '../partners/partner.ts';
import type { LeadTypeRecord } from '../store/lead-types.ts';
import { formatDuration } from '../text/duration.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { wideOption } from './arguments.ts';
import { type Consent, consentOption } from './consent-option.ts';
import type { CommandContext } from './context.ts';
import type { OnOrOff } from './on-or-off.ts';
import type { View } from './output.ts';
import { parseRecontactPeriod, toSeconds } from './recontact-period.ts';
import {
  defaultScreening,
  type ScreeningOptions,
  screeningChanges,
  screeningJson,
  screeningMembers,
  screeningOptions,
} from './screening-options.ts';
import { editCommand, renameCommand } from './type-change.ts';
import { retireCommand, unretireCommand } from './type-end.ts';
import {
  describeHours,
  type HoursOptions,
  hoursCommand,
  hoursJson,
  hoursMembers,
  hoursOptions,
  newTypeHours,
} from './type-hours.ts';
import { withdrawOption } from './withdraw-option.ts';

const newTypeMembers = {
  name: 'name of the lead type',
  recontact_after: 're-contact period (seconds); null: dialled people are never accepted again',
  consent_required: 'whether leads must contain the person’s consent',
  withdraws: 'whether leads that the dialler has are withdrawn from it if they are cancelled',
  ...screeningMembers,
  ...hoursMembers,
};

const listMembers = {
  ...newTypeMembers,
  partners: 'names of the partners that it is granted to',
  former_names: 'names that it had before, which partners can still send',
  retired_at: 'when it was retired (ISO 8601); null: it is not retired',
  created_at: 'when it was created (ISO 8601)',
};

/** How lead types are displayed. @param country that of the deployment, whose hours apply to undecided types */
const viewIn = (country: string): View<LeadTypeRecord, keyof typeof listMembers> => ({
  columns: {
    TYPE: (type) => type.name,
    STATE: ({ retiredAt }) => (retiredAt === null ? 'active' : 'retired'),
    'RE-CONTACT AFTER': ({ recontactAfter }) =>
      recontactAfter === null ? 'never' : formatDuration(recontactAfter),
    CONSENT: ({ consentRequired }) => (consentRequired ? 'required' : 'optional'),
    WITHDRAW: ({ withdraws }) => (withdraws ? 'on' : 'off'),
    'CALLING HOURS': ({ callingHours }) => describeHours(callingHours, country),
    REGISTRIES: ({ registries, registryOverride }) =>
      registries.length === 0
        ? '-'
        : `${registries.join(', ')}${registryOverride ? ' (not with consent)' : ''}`,
    SCREENING: ({ screening }) => screening,
    PARTNERS: (type) => type.partners.join(', '),
    'FORMER NAMES': (type) => type.formerNames.join(', ') || '-',
    CREATED: (type) => ({ time: type.createdAt }),
  },
  narrow: ['TYPE', 'STATE', 'RE-CONTACT AFTER', 'CALLING HOURS', 'PARTNERS'],
  json: (type) => ({
    name: type.name,
    recontact_after: toSeconds(type.recontactAfter),
    consent_required: type.consentRequired,
    withdraws: type.withdraws,
    ...screeningJson(type),
    ...hoursJson(type.callingHours, country),
    partners: type.partners,
    former_names: type.formerNames,
    retired_at: formatTime(type.retiredAt),
    created_at: formatTime(type.createdAt),
  }),
});

/** `leads type`: manages the lead types of the deployment. */
export function typeCommand(context: CommandContext): Command {
  return new Command('type')
    .description('the lead types that partners can be granted')
    .addCommand(addCommand(context))
    .addCommand(listCommand(context))
    .addCommand(hoursCommand(context))
    .addCommand(editCommand(context))
    .addCommand(renameCommand(context))
    .addCommand(retireCommand(context))
    .addCommand(unretireCommand(context));
}

/** Options of `leads type add`. */
interface NewTypeOptions extends HoursOptions, ScreeningOptions {
  recontactAfter?: string;
  consent?: Consent;
  withdraw?: OnOrOff;
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
    .addOption(consentOption().default(undefined, 'optional'))
    .addOption(withdrawOption().default(undefined, 'off'));
  for (const option of [...screeningOptions(), ...hoursOptions()]) command.addOption(option);
  return defineAction(
    command,
    context,
    newTypeMembers,
    async ({ store, output, defaultCountry }, options: NewTypeOptions, [name]: [string]) => {
      checkName('lead type', name);
      const recontactAfter =
        options.recontactAfter === undefined ? null : parseRecontactPeriod(options.recontactAfter);
      const isRequired = options.consent === 'required';
      const hours = newTypeHours(options, defaultCountry);
      await store.addType(name, recontactAfter, hours);
      // No partner can send leads of it yet.
      if (isRequired) await store.setConsentRequired(name, true);
      const withdraws = options.withdraw === 'on';
      if (withdraws) await store.setWithdraws(name, true);
      const screening = { ...defaultScreening, ...screeningChanges(options) };
      if (screeningChanges(options) !== undefined) await store.setScreening(name, screening);
      const described = describeHours(hours, defaultCountry);
      await output.done(`Added lead type ${JSON.stringify(name)}. Calling hours: ${described}.`, {
        name,
        recontact_after: toSeconds(recontactAfter),
        consent_required: isRequired,
        withdraws,
        ...screeningJson(screening),
        ...hoursJson(hours, defaultCountry),
      });
    },
  );
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list lead types and the partners that they are granted to')
    .addOption(wideOption());
  return defineAction(command, context, listMembers, async ({ store, output, defaultCountry }) => {
    await output.list(
      store.types(),
      viewIn(defaultCountry),
      'There are no lead types. Run `leads type add` to add one.',
    );
  });
}
