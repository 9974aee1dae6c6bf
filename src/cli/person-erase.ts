import { Command, Option } from 'commander';
import { maxWaitForDialler, synchroniseErasures } from '../app/erasures.ts';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { eraseFiles } from '../store/erase-files.ts';
import { erasePerson } from '../store/erase-person.ts';
import { findPeople } from '../store/find-person.ts';
import type { StoreKeys } from '../store/keys/store-keys.ts';
import type { Erasure, People, PersonKey } from '../store/people.ts';
import { fileOfUrl } from '../store/store-url.ts';
import { formatTime } from '../text/time.ts';
import { defineAction } from './action.ts';
import { confirm, confirmElsewhere, yesOption } from './confirm.ts';
import type { CommandContext, OpenStore } from './context.ts';
import { counted } from './counted.ts';
import { checkNumbers, readNumbers } from './mobile-option.ts';
import { numberArgument } from './person-number.ts';

interface EraseOptions {
  suppress?: true;
  skipDialler?: true;
  includingEvidence?: string;
  yes?: true;
}

const members = {
  digest: 'keyed digest of the phone number, which the erasure log and the audit log contain',
  erased_at: 'when the person was erased (ISO 8601)',
  leads: 'number of leads erased',
  submissions: 'number of submissions and cancellations erased',
  at_dialler:
    'ids of the erased leads that the dialler has or may have, and that are not withdrawn: delete them there',
  dialler_records:
    'leads that the dialler has received, withdrawn ones too: delete what it keeps of them. Objects with `lead`, the id, and `response`, what the dialler last responded, such as its own id of the lead',
  suppressions: 'number of entries of the do-not-call list, which are kept with the digest',
  evidence: 'number of entries of evidence, which are kept until their retention ends',
  test_leads: 'number of leads erased from the test data, with everything that belongs to them',
};

/** `leads person erase`: erases people. */
export function eraseCommand(context: CommandContext): Command {
  const command = new Command('erase')
    .description(
      'erase people: their submissions, leads, attempts and idempotency records, under `mobile` and `other_phone`, also from the test data; servers can keep running.\nA keyed digest stays, so that a restored backup does not bring them back, and in the do-not-call list. If they are added again, they are accepted, unless they are in that list',
    )
    .addArgument(numberArgument('<number...>'))
    .option(
      '--suppress',
      'also enter the people in the do-not-call list, which keeps a keyed digest of their numbers',
    )
    .addOption(
      new Option(
        '--including-evidence <reason>',
        'also erase the evidence of consent and calls, which is otherwise kept until its retention ends; the reason is recorded and must not contain personal data',
      ).argParser(parseReason),
    )
    .option('--skip-dialler', 'do not wait until leads are withdrawn from the dialler')
    .addOption(yesOption());
  return defineAction(
    command,
    context,
    members,
    async ({ store, output, parsePhone }, options: EraseOptions, [words]: [string[]]) => {
      const numbers = await readNumbers(words, context.input, parsePhone);
      checkNumbers(numbers);
      const tools = await context.erasureTools(store);
      const { keys, problem } = await tools.loadKeys();
      if (keys === undefined) throw new UserError(`${problem} Nothing was erased.`);
      // First, so that an erasure that the store has lost is not overwritten by a newer one.
      await synchroniseErasures(store, tools);
      const people = await findPeople(store, parsePhone, numbers.mobiles);
      if (!options.yes) {
        const change = await describeErasure(store, people, options);
        await (words.includes('-') ? confirmElsewhere(context, change) : confirm(context, change));
      }
      for (const person of people) {
        const live = await eraseOne({ store, parsePhone }, person, keys, options);
        const erased = { ...live, test_leads: await eraseTestData(context, parsePhone, person, keys) };
        await synchroniseErasures(store, tools);
        await output.done(describeErased(erased), erased);
      }
      await eraseFiles(store);
      await output.text(describeBytes(fileOfUrl(await context.configuredUrl()) !== undefined));
      if (tools.log === undefined) {
        await output.text(
          'No file contains this erasure, because ERASURE_LOG is not set: after a restore from a backup, erase them again.',
        );
      }
    },
  );
}

/** Describes what happens to the bytes of removed rows. */
function describeBytes(isSqlite: boolean): string {
  const bytes = isSqlite
    ? 'The bytes of the removed rows were overwritten in the files of the store.'
    : 'PostgreSQL keeps the bytes of the removed rows until it vacuums the tables and reuses their space.';
  return `${bytes} For backups${isSqlite ? '' : ', replicas'} and the dialler, see docs/operating/data-retention.md.`;
}

/** The result for one person, as its JSON output. */
type Erased = Record<Exclude<keyof typeof members, 'test_leads'>, unknown> & {
  leads: number;
  submissions: number;
  at_dialler: string[];
  dialler_records: { lead: string; response: string }[];
  suppressions: number;
  evidence: number;
};

async function eraseOne(
  { store, parsePhone }: Pick<OpenStore, 'store' | 'parsePhone'>,
  person: PersonKey,
  keys: StoreKeys,
  { suppress, skipDialler, includingEvidence }: EraseOptions,
): Promise<Erased> {
  const { mobile } = person;
  const erasedAt = Date.now();
  const digest = keys.current.personDigest(mobile);
  const erasure: Erasure = {
    digest,
    keyId: keys.current.id,
    erasedAt,
    evidenceReason: includingEvidence ?? null,
  };
  if (suppress) {
    const objection = { type: undefined, source: 'operator', sourceId: '', reason: undefined } as const;
    await store.addSuppressions([{ ...objection, mobile, objectedAt: erasedAt }]);
  }
  const evidence = { key: keys.current, parsePhone };
  const erasing = { maxWait: maxWaitForDialler, isWithdrawing: !skipDialler, evidence };
  const { erased, atDialler, diallerRecords } = await erasePerson(store, person, erasure, erasing);
  return {
    digest,
    erased_at: formatTime(erasedAt),
    leads: erased['lead'] ?? 0,
    submissions: erased['submission'] ?? 0,
    at_dialler: atDialler,
    dialler_records: diallerRecords.map(({ leadId, response }) => ({ lead: leadId, response })),
    suppressions: (await store.suppressionsOf(mobile)).length,
    evidence: (await store.evidenceOf(mobile)).length,
  };
}

/** Erases a person from the test data, including evidence, which proves nothing there. Returns the number of leads. */
async function eraseTestData(
  context: CommandContext,
  parsePhone: ParsePhone,
  { mobile }: PersonKey,
  { current }: StoreKeys,
): Promise<number> {
  const store = await context.openTestData();
  if (store === undefined) return 0;
  try {
    const [person] = await findPeople(store, parsePhone, [mobile]);
    if (person === undefined) return 0;
    const digest = current.personDigest(mobile);
    const evidenceReason = 'test data';
    const erasure: Erasure = { digest, keyId: current.id, erasedAt: Date.now(), evidenceReason };
    const evidence = { key: undefined, parsePhone };
    const erasing = { maxWait: maxWaitForDialler, isWithdrawing: false, evidence };
    const { erased } = await erasePerson(store, person, erasure, erasing);
    await eraseFiles(store);
    return erased['lead'] ?? 0;
  } finally {
    await store.close();
  }
}

async function describeErasure(
  store: People,
  people: readonly PersonKey[],
  { includingEvidence }: EraseOptions,
): Promise<string> {
  const total: Record<string, number> = {};
  for (const person of people) {
    for (const { table, rows } of await store.personalRows(person, [])) {
      total[table] = (total[table] ?? 0) + rows.length;
    }
  }
  const leads = counted(total['lead'] ?? 0, 'lead', 'leads');
  const submissions = counted(total['submission'] ?? 0, 'submission', 'submissions');
  return `${counted(people.length, 'person', 'people')} will be erased, with ${leads} and ${submissions}, and what belongs to them; evidence is ${includingEvidence === undefined ? 'kept' : 'erased too'}. This cannot be undone`;
}

function describeErased({
  leads,
  submissions,
  suppressions,
  evidence,
  at_dialler: atDialler,
  dialler_records: records,
  test_leads: testLeads,
}: Erased & { test_leads: number }): string {
  const proof =
    evidence === 0
      ? ''
      : ` ${counted(evidence, 'entry of evidence is', 'entries of evidence are')} kept until EVIDENCE_RETENTION ends.`;
  const kept =
    suppressions === 0
      ? ''
      : ' The do-not-call list still contains the digest of the number, so that the person is not called.';
  const left = describeLeft(atDialler, records);
  const test = testLeads === 0 ? '' : ` Of the test data: ${counted(testLeads, 'lead', 'leads')}.`;
  return `Erased a person with ${counted(leads, 'lead', 'leads')} and ${counted(submissions, 'submission', 'submissions')}.${test}${left}${proof}${kept}`;
}

/** Describes what to delete at the dialler, which keeps its record of a lead that was withdrawn. */
function describeLeft(atDialler: readonly string[], records: Erased['dialler_records']): string {
  const others = atDialler.filter((id) => records.every(({ lead }) => lead !== id));
  const leads = [...records.map(({ lead, response }) => `${lead} (${response})`), ...others];
  if (leads.length === 0) return '';
  return ` The dialler has or may have the data of these leads, even if they were withdrawn. Delete them there: ${leads.join('; ')}.`;
}

/** Maximum length of a reason (characters). */
const maxReasonLength = 200;

/** @throws {UserError} if a reason may contain a phone number or an e-mail address */
function parseReason(text: string): string {
  const reason = text.trim();
  if (reason !== '' && reason.length <= maxReasonLength && !/\d{6}|@/.test(reason)) return reason;
  throw new UserError(
    `The reason must have up to ${maxReasonLength} characters, and no phone number or e-mail address.`,
  );
}
