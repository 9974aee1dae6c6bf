import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import type { Evidence } from '../store/evidence/evidence.ts';
import type { RegistryListing } from '../store/number-registries.ts';
import { enterNumbers } from '../store/objections.ts';
import { type SuppressionCount, type SuppressionSource, suppressionSources } from '../store/suppressions.ts';
import { defineAction, type Session } from './action.ts';
import { limitOption, parseTime, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import { counted } from './counted.ts';
import { findType } from './find-type.ts';
import type { View } from './output.ts';
import { registriesCommand } from './registry-list.ts';
import { exportSuppressionsCommand } from './suppression-export.ts';
import { importCommand } from './suppression-import.ts';
import { numbersArgument, readMobiles } from './suppression-numbers.ts';
import { removeCommand } from './suppression-remove.ts';
import { describeOrigin, type ShownEntry, suppressionMembers, suppressionView } from './suppression-view.ts';

/** `leads suppression`: the do-not-call list. */
export function suppressionCommand(context: CommandContext): Command {
  return new Command('suppression')
    .description('the do-not-call list: phone numbers that are not called')
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(checkCommand(context))
    .addCommand(importCommand(context))
    .addCommand(registriesCommand(context))
    .addCommand(exportSuppressionsCommand(context))
    .addCommand(listCommand(context))
    .addCommand(countCommand(context));
}

const addMembers = {
  added: 'number of numbers that an operator had not entered before',
  suppressed_leads: 'ids of the leads that became `suppressed`',
  withdrawn_leads: 'ids of the leads that the dialler has or may have, and that are being withdrawn',
};

interface AddOptions {
  type?: string;
  reason?: string;
  objectedAt?: number;
}

function addCommand(context: CommandContext): Command {
  const command = new Command('add')
    .description(
      'enter phone numbers of people who do not want calls.\nTheir scheduled leads become `suppressed`, and once the command ends, no delivery of the numbers starts. Leads that the dialler has are withdrawn if it allows that',
    )
    .addArgument(numbersArgument())
    .option('--type <name>', 'only for leads of this type; without it, for all types')
    .option('--reason <text>', 'what the person said')
    .addOption(
      new Option('--objected-at <time>', 'when the person objected, such as 2026-11-01 or 2h (ago)')
        .argParser(parseTime)
        .default(undefined, 'now'),
    );
  return defineAction(
    command,
    context,
    addMembers,
    async ({ store, parsePhone, output }, options: AddOptions, [words]: [string[]]) => {
      const mobiles = await readMobiles(words, context.input, parsePhone);
      const type = options.type === undefined ? undefined : (await findType(store, options.type)).name;
      const { added, leads, withdrawals } = await enterNumbers(
        store,
        parsePhone,
        mobiles.map((mobile) => ({
          mobile,
          type,
          source: 'operator',
          sourceId: '',
          reason: options.reason,
          objectedAt: options.objectedAt ?? Date.now(),
        })),
      );
      await output.done(`${describeAdded(added, mobiles.length)}${describeLeads(leads, withdrawals)}`, {
        added,
        suppressed_leads: leads,
        withdrawn_leads: withdrawals,
      });
    },
  );
}

function describeAdded(added: number, given: number): string {
  const known = given - added;
  return `Entered ${counted(added, 'number', 'numbers')}${known > 0 ? ` (${known} had been entered before)` : ''}.`;
}

/** Describes what became of leads, as sentences after another; empty: there were none. */
function describeLeads(leads: readonly string[], withdrawals: readonly string[]): string {
  const sentences = [
    leads.length > 0 && ` Suppressed ${counted(leads.length, 'scheduled lead', 'scheduled leads')}.`,
    withdrawals.length > 0 &&
      ` ${counted(withdrawals.length, 'lead is', 'leads are')} being withdrawn from the dialler: run \`leads lead show ${withdrawals[0]}\` for the result.`,
  ];
  return sentences.filter((sentence) => sentence !== false).join('');
}

function checkCommand(context: CommandContext): Command {
  const command = new Command('check')
    .description(
      'list the entries of phone numbers in the do-not-call list, and the registries that list them',
    )
    .addArgument(numbersArgument(false))
    .option('--lead <id>', 'also the number of this lead')
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    suppressionMembers,
    async (session, { lead }: { lead?: string }, [words]: [string[]]) => {
      const { store, parsePhone, output, note } = session;
      const mobiles = new Set(await readMobiles(words, context.input, parsePhone));
      if (lead !== undefined) mobiles.add(await mobileOfLead(session, lead));
      if (mobiles.size === 0) throw new UserError('Pass phone numbers, `-`, or --lead.');
      const entries: ShownEntry[] = [];
      let unlisted = 0;
      for (const mobile of mobiles) {
        const found = await store.suppressionsOf(mobile);
        const listings = await store.registriesOf(mobile);
        entries.push(...found, ...listings.map((listing) => registryEntry(mobile, listing)));
        if (found.length + listings.length === 0) unlisted += 1;
        if (found.length > 0) await reportOthers(session, mobile);
      }
      await output.list(entries, suppressionView, 'None of the numbers is in the do-not-call list.');
      if (unlisted > 0 && entries.length > 0)
        note(`${unlisted} of ${mobiles.size} numbers are not in the list.`);
    },
  );
}

/**
 * Returns the ids of delivered leads whose other phone number is a number, from the evidence, which also has those that
 * were delivered before the store recorded with which other phone numbers leads are sent.
 *
 * @param mobile E.164
 */
async function leadsWithOther(store: Evidence, mobile: string): Promise<ReadonlySet<string>> {
  const entries = await store.evidenceOf(mobile);
  const contents = entries
    .filter(({ kind, otherMobile }) => kind === 'delivery' && otherMobile === mobile)
    // The cast: a server has written it (see `entryOfAttempt`).
    .map(({ content }) => JSON.parse(content ?? '{}') as { lead_id?: string; outcome?: string });
  const mayHaveArrived = contents.filter(({ outcome }) => outcome === 'delivered' || outcome === 'unknown');
  return new Set(mayHaveArrived.flatMap(({ lead_id: id }) => id ?? []));
}

async function reportOthers(
  { store, note }: Pick<Session<string>, 'store' | 'note'>,
  mobile: string,
): Promise<void> {
  for (const leadId of await leadsWithOther(store, mobile)) {
    if ((await store.withdrawalOf(leadId)) === undefined) note(describeOther(mobile, leadId));
  }
}

function describeOther(mobile: string, leadId: string): string {
  return `The dialler may have ${mobile} as the other phone number of lead ${leadId}, which is not being withdrawn. Remove the number at the dialler.`;
}

/** Shows a number in the list of a registry like an entry. It applies to the types that require the registry. */
function registryEntry(mobile: string, { registry, datedAt, importedAt }: RegistryListing): ShownEntry {
  return {
    mobile,
    type: undefined,
    source: 'registry',
    sourceId: registry,
    reason: 'for types that require it',
    objectedAt: datedAt,
    enteredAt: importedAt,
    keyId: undefined,
  };
}

async function mobileOfLead({ store }: Pick<Session<string>, 'store'>, lead: string): Promise<string> {
  const mobile = await store.mobileOf(lead);
  if (mobile === undefined) {
    throw new UserError(`Lead ${JSON.stringify(lead)} does not exist. Run \`leads lead list\`.`);
  }
  return mobile;
}

interface ListOptions {
  source?: SuppressionSource;
  sourceId?: string;
  limit?: number;
}

function listCommand(context: CommandContext): Command {
  const command = new Command('list')
    .description('list the entries of the do-not-call list by number')
    .addOption(new Option('--source <source>', 'only entries of this source').choices(suppressionSources))
    .option('--source-id <name>', 'only entries of this partner, imported list or dialler')
    .addOption(limitOption())
    .addOption(wideOption());
  return defineAction(
    command,
    context,
    suppressionMembers,
    async ({ store, output }, options: ListOptions) => {
      const { source, sourceId } = options;
      const filter = { ...(source !== undefined && { source }), ...(sourceId !== undefined && { sourceId }) };
      const rows = output.limit(options.limit);
      const empty = 'The do-not-call list has no such entries.';
      await output.list(store.suppressions(filter, rows), suppressionView, empty, rows);
    },
  );
}

const countMembers = {
  source: suppressionMembers.source,
  source_id: suppressionMembers.source_id,
  entries: 'number of entries',
};

const countView: View<SuppressionCount, keyof typeof countMembers> = {
  columns: { SOURCE: describeOrigin, ENTRIES: ({ count }) => String(count) },
  json: ({ source, sourceId, count }) => ({ source, source_id: sourceId, entries: count }),
};

function countCommand(context: CommandContext): Command {
  const command = new Command('count')
    .description('count the entries of each partner, imported list and other source. Reads the whole list')
    .addOption(wideOption());
  return defineAction(command, context, countMembers, async ({ store, output }) => {
    await output.list(await store.countSuppressions(), countView, 'The do-not-call list is empty.');
  });
}
