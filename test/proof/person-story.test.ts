/**
 * One person, from the request with consent to the proof of the erasure, as partners, the dialler and a data-protection
 * officer see it.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { executeCli, lines } from '../harness/cli.ts';
import { post, type Target } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { secret } from '../harness/dispatch.ts';
import { start } from '../harness/process.ts';
import { startReceiver } from '../harness/receiver.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { untilListening } from '../harness/server-process.ts';

/** The person, and digits that only this number has, in every notation. */
const [mobile, trace] = ['07840258823', '840258823'];

const consentText = 'I agree that Example Ltd may call me about motor insurance.';

const type = 'motor-trade';

const person = { ...requestValue('addLead', 'accepted'), type, email: 'jo.story@test.com', mobile };

const withConsent = {
  ...person,
  consent_text: consentText,
  consent_at: '2026-11-20T09:00:00Z',
  consent_caller: 'Example Ltd',
};

const databases = [
  { name: 'SQLite', urlIn: async (directory: string) => `sqlite:${join(directory, 'leads.db')}` },
  { name: 'PostgreSQL', urlIn: () => storeDatabase() },
];

test.each(databases)(
  'the whole story of a person can be proved, and erased without a trace, on $name',
  async ({ urlIn }) => {
    const { directory, url, leads, target, received } = await deployment(urlIn);
    await acceptedAndDelivered(target, received);
    await objected(target, leads, received);
    await proved(leads);
    const digest = await erased(leads);
    await erasedWithEvidence(leads, digest);

    expect(await rowsOf(url)).not.toContain(trace);
    expect(await rowsOf(url)).not.toContain('jo.story');
    const withTrace = readdirSync(directory).filter((file) =>
      readFileSync(join(directory, file)).includes(trace),
    );
    expect(withTrace).toEqual([]);
    expect(readFileSync(join(directory, 'erasures'), 'utf8')).toContain(digest);

    expect((await post(target, 'addLead', withConsent)).json).toEqual({ saved: true, processed: true });
    await expect.poll(() => received().length).toBe(3);
  },
  120_000,
);

/** Runs a command with the number on standard input, which must succeed. Returns its standard output. */
type Leads = (...words: string[]) => Promise<{ code: number | null; stdout: string; stderr: string }>;

interface DiallerEvent {
  type: string;
  data: { mobile: string; cause?: string; submitted?: { consent_text?: string } };
}

async function deployment(urlIn: (directory: string) => Promise<string>) {
  const directory = temporaryDirectory();
  const url = await urlIn(directory);
  const environment = {
    DATABASE_URL: url,
    STORE_KEY_FILE: join(directory, 'store.key'),
    ERASURE_LOG: join(directory, 'erasures'),
    LEADS_OPERATOR: 'officer',
  };
  writeFileSync(environment.STORE_KEY_FILE, randomBytes(32).toString('hex'), { mode: 0o600 });
  await (await openStore(url)).close();
  const leads: Leads = async (...words) => {
    const ended = await executeCli(words, environment, `${mobile}\n`);
    expect({ words, code: ended.code, stderr: ended.code === 0 ? '' : ended.stderr }).toEqual({
      words,
      code: 0,
      stderr: '',
    });
    return ended;
  };
  await leads('type', 'add', type, '--always', '--consent', 'required');
  await leads('partner', 'add', 'acme', '--type', type);
  const { key } = JSON.parse((await leads('key', 'create', 'acme')).stdout);
  const receiver = await startReceiver();
  const server = start('src/main.ts', [], {
    ...environment,
    PORT: '0',
    BOOTSTRAP: 'off',
    DIALLER: 'webhook',
    DIALLER_URL: receiver.url,
    DIALLER_SECRET: secret,
    DIALLER_WITHDRAW: 'on',
  });
  const { target } = await untilListening(server, false);
  const received = (): DiallerEvent[] => receiver.received.map(({ body }) => JSON.parse(body));
  return { directory, url, leads, received, target: { url: target.url, key } };
}

async function statusOf(target: Target): Promise<string> {
  const { json } = await post(target, 'leadStatus', { mobile, type });
  return Object(json).state;
}

async function acceptedAndDelivered(target: Target, received: () => DiallerEvent[]): Promise<void> {
  expect(await post(target, 'addLead', person)).toMatchObject({ status: 400 });
  expect((await post(target, 'addLead', withConsent)).json).toEqual({ saved: true, processed: true });
  await expect.poll(() => statusOf(target)).toBe('dialled');
  expect(received()).toMatchObject([
    { type: 'lead.due', data: { submitted: { consent_text: consentText } } },
  ]);
}

async function objected(target: Target, leads: Leads, received: () => DiallerEvent[]): Promise<void> {
  const objection = { mobile, reason: 'asked by e-mail' };
  expect((await post(target, 'doNotCall', objection)).json).toEqual({ recorded: true });
  await expect.poll(() => statusOf(target)).toBe('suppressed');
  expect(received().slice(1)).toMatchObject([{ type: 'lead.withdraw', data: { cause: 'objection' } }]);
  const again = await post(target, 'addLead', withConsent);
  expect(again.json).toEqual({ saved: true, processed: false, error: 'Do Not Call' });
  expect(lines(await leads('suppression', 'check', '-', '--json'))).toMatchObject([
    { source: 'partner', source_id: 'acme', type: null, reason: objection.reason },
  ]);
  expect((await leads('withdrawal', 'list')).stdout).toContain('There are no matching withdrawals.');
}

/** The answers to a regulator and to the person's request for access. */
async function proved(leads: Leads): Promise<void> {
  const { stdout } = await leads('person', 'evidence', '-');
  const headings = [...stdout.matchAll(/^(\w.*), \d{4}-.*\n-+$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual([
    'Request for a call',
    'Delivery to the dialler',
    'Objection',
    // Requested, and confirmed by the dialler.
    'Withdrawal from the dialler',
    'Withdrawal from the dialler',
    'Request for a call',
    // The entry of the do-not-call list that refused it.
    'Screening',
  ]);
  expect(stdout.replace(/\s+/g, ' ')).toContain(consentText);
  expect(stdout).toMatch(/^Calling hours +always$/m);
  expect(stdout).toContain('The chain of evidence is intact');
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);

  const { tables } = JSON.parse((await leads('person', 'export', '-')).stdout);
  expect(tables.submission).toHaveLength(2);
  expect(tables.lead).toMatchObject([{ state: 'suppressed' }]);
  expect(tables.attempt).toMatchObject([{ outcome: 'delivered' }]);
  expect(tables.withdrawal).toMatchObject([{ cause: 'objection', outcome: 'withdrawn' }]);
  expect(tables.suppression).toMatchObject([{ source: 'partner' }]);
}

/** Erases the person and keeps the evidence. Returns the digest of the number. */
async function erased(leads: Leads): Promise<string> {
  const [result] = lines(await leads('person', 'erase', '-', '--yes', '--json'));
  expect(result).toMatchObject({
    leads: 1,
    submissions: 2,
    at_dialler: [],
    dialler_records: [{ response: expect.any(String) }],
    suppressions: 1,
    evidence: 7,
  });
  const { digest } = Object(result);
  const { tables } = JSON.parse((await leads('person', 'export', '-')).stdout);
  expect({ ...tables, evidence: tables.evidence.length }).toMatchObject({
    submission: [],
    lead: [],
    attempt: [],
    withdrawal: [],
    suppression: [{ source: 'partner' }],
    erasure: [{ digest, evidence_reason: null }],
    evidence: 7,
  });
  expect(lines(await leads('audit', 'list', '--command', 'person erase', '--json'))).toMatchObject([
    { operator: 'officer', subject_kind: 'person', subject_id: digest },
  ]);
  return digest;
}

async function erasedWithEvidence(leads: Leads, digest: string): Promise<void> {
  const reason = 'Requested, and no claims are possible.';
  await leads('suppression', 'remove', '-', '--yes');
  expect((await leads('person', 'evidence', '-')).stdout).toContain('Removal from the do-not-call list');
  await leads('person', 'erase', '-', '--yes', '--including-evidence', reason);
  expect((await leads('person', 'evidence', '-')).stdout).toContain(
    'There is no evidence about this person.',
  );
  expect((await leads('evidence', 'verify')).stdout).toContain('The chain of evidence is intact');
  const [last] = lines(await leads('audit', 'list', '--command', 'person erase', '--json'));
  expect(last).toMatchObject({ subject_id: digest, after: { evidence_reason: reason } });
}

/** Returns every row of a store as text. */
async function rowsOf(url: string): Promise<string> {
  const store = await openStore(url);
  const tables = tablesToCopy.map((table) => store.rows(table, undefined, 10_000));
  const text = JSON.stringify(await Promise.all(tables));
  await store.close();
  return text;
}
