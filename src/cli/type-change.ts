import { Command } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { isOutdated } from '../leads/registry-age.ts';
import { checkName } from '../partners/partner.ts';
import type { LeadTypeRecord } from '../store/lead-types.ts';
import type { Store } from '../store/store.ts';
import { formatDuration } from '../text/duration.ts';
import { defineAction, type Session } from './action.ts';
import { type Consent, consentOption } from './consent-option.ts';
import type { CommandContext } from './context.ts';
import { findType } from './find-type.ts';
import type { OnOrOff } from './on-or-off.ts';
import { reconsiderScreened } from './reconsider-screened.ts';
import { parseRecontactPeriod, toSeconds } from './recontact-period.ts';
import {
  describeChange,
  type ScreeningOptions,
  screeningChanges,
  screeningJson,
  screeningMembers,
  screeningOptions,
} from './screening-options.ts';
import { withdrawOption } from './withdraw-option.ts';

interface TypeChanges extends ScreeningOptions {
  recontactAfter?: string;
  consent?: Consent;
  withdraw?: OnOrOff;
}

/** `leads type edit`: changes the rules of a type. */
export function editCommand(context: CommandContext): Command {
  const command = new Command('edit')
    .description(
      'change the re-contact period of a lead type, whether its leads must contain consent, whether cancelled leads are withdrawn from the dialler, or how its numbers are screened',
    )
    .argument('<name>', 'name of the lead type')
    .option(
      '--recontact-after <duration>',
      'accept a dialled person again after this time, such as 90d, or `never`; it also applies to people dialled before',
    )
    .addOption(consentOption())
    .addOption(withdrawOption());
  for (const option of screeningOptions()) command.addOption(option);
  return defineAction(
    command,
    context,
    {
      name: 'name of the lead type',
      recontact_after: 're-contact period (seconds); null: dialled people are never accepted again',
      recontact_after_before: 're-contact period before (seconds); null: never',
      consent_required: 'whether leads must contain the person’s consent',
      consent_required_before: 'whether they had to before',
      withdraws: 'whether leads that the dialler has are withdrawn from it if they are cancelled',
      withdraws_before: 'whether they were before',
      ...screeningMembers,
    },
    async (session, options: TypeChanges, [given]: [string]) => {
      const { store, output } = session;
      const screening = screeningChanges(options);
      const { recontactAfter, consent, withdraw } = options;
      if ([recontactAfter, consent, withdraw, screening].every((each) => each === undefined)) {
        throw new UserError(
          'Nothing to change. Pass `--recontact-after`, `--consent`, `--withdraw`, `--registries`, `--registry-override` or `--screening`.',
        );
      }
      const before = await findType(store, given);
      const { name } = before;
      const sentences = await change(store, before, options);
      if (screening !== undefined) await store.setScreening(name, screening);
      const after = await findType(store, name);
      if (screening !== undefined) sentences.push(describeChange(name, before, after));
      await output.done(sentences.join(' '), {
        name,
        recontact_after: toSeconds(after.recontactAfter),
        recontact_after_before: toSeconds(before.recontactAfter),
        consent_required: after.consentRequired,
        consent_required_before: before.consentRequired,
        withdraws: after.withdraws,
        withdraws_before: before.withdraws,
        ...screeningJson(after),
      });
      if (screening !== undefined) await afterScreeningChange(session, after);
    },
  );
}

function describeConsent(name: string, consent: Consent): string {
  const type = JSON.stringify(name);
  return consent === 'required'
    ? `Within a second, servers reject leads of type ${type} that contain no consent.`
    : `Within a second, servers accept leads of type ${type} that contain no consent.`;
}

function describeWithdraw(name: string, withdraw: OnOrOff): string {
  const type = JSON.stringify(name);
  return withdraw === 'on'
    ? `Cancelling leads of type ${type} that the dialler has withdraws them from it, if the dialler can do so.`
    : `Cancelling leads of type ${type} that the dialler has does not withdraw them.`;
}

function consentOf(isRequired: boolean): Consent {
  return isRequired ? 'required' : 'optional';
}

function describeRecontact(name: string, period: number | null): string {
  const people = `People dialled for type ${JSON.stringify(name)}, also those dialled before this change,`;
  return period === null
    ? `${people} are never accepted again.`
    : `${people} are accepted again ${formatPeriod(period)} after they were dialled.`;
}

function formatPeriod(period: number | null): string {
  return period === null ? 'never' : formatDuration(period);
}

/** Changes all rules except screening. Returns a sentence about each change. */
async function change(
  store: Store,
  before: LeadTypeRecord,
  { recontactAfter, consent, withdraw }: TypeChanges,
): Promise<string[]> {
  const { name } = before;
  const period = recontactAfter === undefined ? undefined : parseRecontactPeriod(recontactAfter);
  const sentences: string[] = [];
  if (period !== undefined) {
    await store.setRecontactAfter(name, period);
    sentences.push(`${describeRecontact(name, period)} Before: ${formatPeriod(before.recontactAfter)}.`);
  }
  if (consent !== undefined) {
    await store.setConsentRequired(name, consent === 'required');
    sentences.push(`${describeConsent(name, consent)} Before: ${consentOf(before.consentRequired)}.`);
  }
  if (withdraw !== undefined) {
    await store.setWithdraws(name, withdraw === 'on');
    sentences.push(`${describeWithdraw(name, withdraw)} Before: ${before.withdraws ? 'on' : 'off'}.`);
  }
  return sentences;
}

/** Reports which lists are missing, and makes waiting leads due if they may be delivered by the change. */
async function afterScreeningChange(session: Session<string>, type: LeadTypeRecord): Promise<void> {
  const { store, note } = session;
  for (const registry of await store.registries()) {
    if (!type.registries.includes(registry.name) || !isOutdated(registry, Date.now())) continue;
    note(
      `Leads of the type wait for a current list of ${registry.name}: run \`leads suppression import FILE --registry ${registry.name} --date DATE\`.`,
    );
  }
  await reconsiderScreened(session);
}

/** `leads type rename`: renames a type, whose old name stays valid in requests. */
export function renameCommand(context: CommandContext): Command {
  const command = new Command('rename')
    .description(
      'rename a lead type. Partners can still send the old name, which means the same type.\nLists, metrics, pauses and the dialler get the new name: with VICIdial, add it to DIALLER_LISTS first',
    )
    .argument('<name>', 'name of the lead type')
    .argument('<new-name>', 'a name that no lead type has or had');
  return defineAction(
    command,
    context,
    {
      name: 'new name of the lead type',
      former_names: 'all former names, which partners can still send',
      partners: 'names of the partners that it is granted to',
    },
    async ({ store, output, note }, _options: object, [given, newName]: [string, string]) => {
      checkName('lead type', newName);
      const { name: oldName } = await findType(store, given);
      await store.renameType(oldName, newName);
      const { name, formerNames, partners } = await findType(store, newName);
      await output.done(
        `Renamed lead type ${JSON.stringify(oldName)} to ${JSON.stringify(name)}. Partners can send either name.`,
        { name, former_names: formerNames, partners },
      );
      note(
        `The dialler gets the name ${JSON.stringify(name)} from the next lead on. With VICIdial, DIALLER_LISTS must include it.`,
      );
    },
  );
}
