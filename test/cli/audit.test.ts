/** Every command that changes something writes an audit entry, and no other command changes anything. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { fullName, runnableCommands } from '../../docs/cli/reference.ts';
import { createProgram } from '../../src/cli/program.ts';
import type { Submission } from '../../src/leads/submission.ts';
import type { AuditEntry } from '../../src/store/audit.ts';
import { StoreKeys } from '../../src/store/keys/store-keys.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { executeCli, lines } from '../harness/cli.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/** Things that commands can refer to. */
interface Sample {
  directory: string;
  file: string;
  /** Ids of leads in these states, and of the submission of the failed one. */
  scheduled: string;
  failed: string;
  held: string;
  submission: string;
  /** Id of a lead whose withdrawal has failed. */
  withdrawn: string;
  /** Paths of files with numbers and leads to import. */
  numbers: string;
  people: string;
}

const mobile = '+447840258823';

/** Fills a store with the types `motor` and `home`, the partners `first` and `second`, a key `key1` and leads. */
async function sampleIn(directory: string): Promise<Sample> {
  const file = join(directory, 'leads.db');
  const { store, first, from } = await seeded(openSqliteStore(file));
  await store.addType('home', null);
  await store.addKey('first', 'key1', 'digest');
  const add = async (mobile: string, delays = 0) => {
    const submission = from(first.id, { mobile, delays });
    const added = await store.submit(submission);
    if (added.outcome !== 'accepted') throw new Error(`The sample lead is ${added.outcome}.`);
    return { submission: submission.id, lead: added.leadId };
  };
  const { lead: held } = await add('+447840258824');
  await store.holdScheduled(Date.now());
  const { lead: failed, submission } = await add('+447840258825');
  await store.claimDue({ claim: 'claim', limit: 1, lease: 60_000 });
  const ended = { startedAt: 1, endedAt: 2, outcome: 'rejected', response: '' } as const;
  await store.recordAttempt('claim', { leadId: failed, ...ended }, undefined);
  const withdrawn = await failedWithdrawal(
    store,
    from(first.id, { mobile: '+447840258826', type: 'withdrawn' }),
  );
  const { lead: scheduled } = await add(mobile, 3_600);
  // A current key, and one that is lost.
  const key = 'ab'.repeat(32);
  writeFileSync(`${file}.key`, key);
  await store.recordStoreKey(StoreKeys.parse(key, '').current.id);
  await store.recordStoreKey('0123456789abcdef');
  await store.close();
  const numbers = join(directory, 'numbers.csv');
  writeFileSync(numbers, 'mobile\n+447911123456\n');
  const people = join(directory, 'people.csv');
  writeFileSync(people, 'mobile,first_name,surname,email,type\n07911 123456,John,Doe,john@test.com,motor\n');
  return { directory, file, scheduled, failed, held, submission, withdrawn, numbers, people };
}

/** Adds a lead whose withdrawal from the dialler fails. Returns its id. */
async function failedWithdrawal(store: Store, submission: Submission): Promise<string> {
  await store.addType('withdrawn', null);
  await store.setWithdraws('withdrawn', true);
  await store.grantType('first', 'withdrawn');
  await store.submit(submission);
  const [lead] = await store.claimDue({ claim: 'claim', limit: 1, lease: 60_000 });
  const leadId = lead?.id ?? '';
  const ended = { startedAt: 1, endedAt: 2, outcome: 'delivered', response: '' } as const;
  await store.recordAttempt('claim', { leadId, ...ended }, undefined);
  await store.stopDelivery({ mobile: submission.mobile, otherSubmissions: [] }, true);
  await store.claimWithdrawals({ claim: 'claim', limit: 1, lease: 60_000 });
  await store.recordWithdrawal(
    'claim',
    { leadId, endedAt: 3, outcome: 'unavailable', response: '' },
    undefined,
  );
  return leadId;
}

const setWebhook = ['partner', 'webhook', 'set', 'first', 'https://hooks.example'];

/** A successful run of a command. */
interface Run {
  /** Its arguments. */
  words: (sample: Sample) => readonly string[];
  /** Its standard input. */
  input?: string;
  /** A command to run before. */
  first?: readonly string[];
}

const withoutIds = (...words: string[]): Run => ({ words: () => words });

/** Every command that changes something. */
const changing: Record<string, Run> = {
  'type add': withoutIds('third'),
  'type edit': withoutIds('motor', '--recontact-after', '90d'),
  'type hours': withoutIds('motor', '--preset', 'uk'),
  'type rename': withoutIds('motor', 'car'),
  'type retire': withoutIds('motor', '--leads', 'keep'),
  'type unretire': { first: ['type', 'retire', 'motor', '--leads', 'keep'], ...withoutIds('motor') },
  'partner add': withoutIds('third'),
  'partner grant': withoutIds('first', 'home'),
  'partner revoke-type': withoutIds('first', 'motor', '--leads', 'keep'),
  'partner limit': withoutIds('first', '5'),
  'partner webhook set': withoutIds('first', 'https://hooks.example'),
  'partner webhook rotate': { first: setWebhook, ...withoutIds('first') },
  'partner webhook resend': { first: setWebhook, ...withoutIds('first', '--failed') },
  'partner webhook remove': { first: setWebhook, ...withoutIds('first') },
  'partner suspend': withoutIds('second'),
  'partner resume': { first: ['partner', 'suspend', 'second'], ...withoutIds('second') },
  'partner delete': withoutIds('second', '--yes'),
  'key create': withoutIds('first'),
  'key rotate': withoutIds('key1'),
  'key revoke': withoutIds('key1', '--yes'),
  'lead retry': { words: ({ failed }) => [failed] },
  'lead resolve': { words: ({ held }) => [held, '--delivered'] },
  'lead cancel': { words: ({ scheduled }) => [scheduled, '--yes'] },
  'lead dismiss': { words: ({ failed }) => [failed] },
  'lead release': { words: ({ held }) => [held] },
  'person export': withoutIds(mobile),
  'person evidence': withoutIds(mobile),
  'person erase': withoutIds(mobile, '--yes'),
  'submission rerun': { words: ({ submission }) => [submission] },
  'suppression add': withoutIds(mobile),
  'suppression remove': { first: ['suppression', 'add', mobile], ...withoutIds(mobile, '--yes') },
  'suppression import': { words: ({ numbers }) => [numbers, '--list', 'numbers'] },
  import: { words: ({ people }) => [people, '--partner', 'first'] },
  'withdrawal retry': { words: ({ withdrawn }) => [withdrawn] },
  'withdrawal resolve': { words: ({ withdrawn }) => [withdrawn, '--withdrawn'] },
  due: withoutIds('--take', '1'),
  'delivery pause': withoutIds('--reason', 'test'),
  'delivery resume': { first: ['delivery', 'pause', '--reason', 'test'], ...withoutIds() },
  'settings set': withoutIds('DIAL_WITHIN', '2h'),
  prune: withoutIds('--older-than', '1d', '--yes'),
  'store create': { words: ({ directory }) => [`sqlite:${join(directory, 'created.db')}`] },
  'store migrate': withoutIds('--yes'),
  'store backup': { words: ({ directory }) => [join(directory, 'backup.db')] },
  'store restore': { words: ({ directory }) => [join(directory, 'backup.db'), '--yes'] },
  'store mark-restored': withoutIds('--yes'),
  'store compact': withoutIds(),
  'store repair': withoutIds(),
  'store forget-key': withoutIds('0123456789abcdef', '--yes'),
  'store copy': {
    words: ({ file, directory }) => [`sqlite:${file}`, `sqlite:${join(directory, 'created.db')}`],
  },
};

/** Every other command. */
const reading: Record<string, Run> = {
  'type list': withoutIds(),
  'partner list': withoutIds(),
  'partner webhook list': withoutIds(),
  'partner webhook attempts': withoutIds(),
  'partner webhook test': withoutIds('first'),
  'key list': withoutIds(),
  'key check': { ...withoutIds(), input: 'lead_unknown' },
  'lead list': withoutIds(),
  'lead show': withoutIds(mobile),
  'submission list': withoutIds(),
  'rejection list': withoutIds(),
  report: withoutIds(),
  'withdrawal list': withoutIds(),
  'evidence verify': withoutIds(),
  'suppression check': withoutIds(mobile),
  'suppression export': withoutIds(),
  'suppression list': withoutIds(),
  'suppression count': withoutIds(),
  'suppression registries': withoutIds(),
  'export leads': withoutIds(),
  'export submissions': withoutIds(),
  'delivery list': withoutIds(),
  'dialler check': withoutIds(),
  'dialler result-url': withoutIds(),
  'settings list': withoutIds(),
  watch: withoutIds('--json'),
  'audit list': withoutIds(),
};

/** Commands whose sample run fails: no dialler is configured, and the partner has no webhook. */
const failing = ['dialler check', 'dialler result-url', 'partner webhook test'];

const commands = runnableCommands(createProgram()).map((command) => fullName(command).replace(/^leads /, ''));

test('each command is known to change something, or not to', () => {
  expect([...Object.keys(changing), ...Object.keys(reading)].toSorted()).toEqual(commands.toSorted());
});

/** Runs a command on a store. @throws if it fails */
async function execute({ file }: Sample, words: readonly string[], input = '', mayFail = false) {
  const environment = { DATABASE_URL: `sqlite:${file}`, LEADS_OPERATOR: 'alice' };
  const finished = await executeCli(words, environment, input);
  expect(finished.code, finished.stderr).toBe(mayFail ? 1 : 0);
}

async function entriesIn(file: string): Promise<AuditEntry[]> {
  const store = openSqliteStore(file);
  const entries = await Array.fromAsync(store.auditEntries({}, 1_000));
  await store.close();
  return entries;
}

/**
 * Commands without an entry: the sample has nothing to migrate and an intact log, and a created store must be empty for
 * `leads store copy`.
 */
const withoutEntry = ['store create', 'store migrate', 'store repair'];

test.each(Object.entries(changing))(
  '`leads %s` writes an audit entry',
  async (name, { words, input, first }) => {
    const sample = await sampleIn(temporaryDirectory());
    const created = join(sample.directory, 'created.db');
    if (name === 'store copy') await execute(sample, ['store', 'create', `sqlite:${created}`]);
    if (name === 'store restore')
      await execute(sample, ['store', 'backup', join(sample.directory, 'backup.db')]);
    if (first !== undefined) await execute(sample, first);
    await execute(sample, [...name.split(' '), ...words(sample)], input);
    const entries = await entriesIn(name === 'store copy' ? created : sample.file);
    const own = entries.filter(({ command, operator }) => command === name && operator === 'alice');
    if (!withoutEntry.includes(name)) expect(own.length).toBeGreaterThan(0);
    expect(JSON.stringify(entries)).not.toMatch(/4478402588/);
  },
);

/** Returns the rows of every table, except the chain of evidence and its key, which any process continues. */
function contentsOf(file: string): unknown {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = tablesToCopy.filter(({ name }) => !/^(evidence|store_key)/.test(name));
    return tables.map(({ name }) => database.prepare(`SELECT * FROM ${name}`).all());
  } finally {
    database.close();
  }
}

test.each(Object.entries(reading).filter(([name]) => name !== 'watch'))(
  '`leads %s` changes nothing',
  async (name, { words, input }) => {
    const sample = await sampleIn(temporaryDirectory());
    const before = contentsOf(sample.file);
    await execute(sample, [...name.split(' '), ...words(sample)], input, failing.includes(name));
    expect(contentsOf(sample.file)).toEqual(before);
  },
);

test('lists who changed what, with the values before and after', async () => {
  const sample = await sampleIn(temporaryDirectory());
  await execute(sample, ['partner', 'limit', 'first', '5']);
  await execute(sample, ['partner', 'suspend', 'first', '--leads', 'keep']);
  const list = (...words: string[]) =>
    executeCli(['audit', 'list', ...words], { DATABASE_URL: `sqlite:${sample.file}` });
  expect(lines(await list('--json', '--command', 'partner'))).toMatchObject([
    {
      operator: 'alice',
      command: 'partner suspend',
      subject_kind: 'partner',
      subject_id: 'first',
      before: { suspended: false },
      after: { suspended: true },
    },
    {
      command: 'partner limit',
      before: { per_second: null, burst: null },
      after: { per_second: 5, burst: 50 },
    },
  ]);
  const table = (await list('--subject', 'first', '--limit', '1')).stdout;
  expect(table).toMatch(/alice +\S+ +partner suspend +partner first +suspended: false → true/);
  expect((await list('--operator', 'nobody')).stdout).toBe('No changes by operators are recorded.\n');
});

test('an operator is named by LEADS_OPERATOR, which is checked', async () => {
  const { file } = await sampleIn(temporaryDirectory());
  const environment = { DATABASE_URL: `sqlite:${file}`, LEADS_OPERATOR: 'x'.repeat(101) };
  expect(await executeCli(['type', 'add', 'third'], environment)).toMatchObject({
    code: 1,
    stderr: 'LEADS_OPERATOR must be a name of up to 100 characters, without control characters.\n',
  });
  expect(await executeCli(['type', 'add', 'third'], { ...environment, LEADS_OPERATOR: '' })).toMatchObject({
    code: 0,
  });
  expect((await entriesIn(file))[0]?.operator).toMatch(/./);
});
