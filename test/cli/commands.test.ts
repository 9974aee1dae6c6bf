/** The `leads` command, as people and scripts use it. Tests of its streams and its help run it in its own process. */

import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { identifierBound } from '../../src/leads/identifier.ts';
import { digestOf } from '../../src/partners/key.ts';
import { openStore } from '../../src/store/open.ts';
import { migrations } from '../../src/store/sqlite/file/migrate.ts';
import type { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { redactedUrl } from '../../src/store/store-url.ts';
import { executeCli, lines, storeWithCli } from '../harness/cli.ts';
import { send } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { mobileOf } from '../harness/mobile.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { finished, run, start } from '../harness/process.ts';
import { cancel, deliverDue, leadsIn, serve, temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

const fixture = (name: string) => new URL(`../fixtures/1.0.0/${name}`, import.meta.url);

/** Copies a file of version 1.0.0 to a temporary directory. */
function copyOfFixture(name: string): string {
  const file = join(temporaryDirectory(), name);
  copyFileSync(fixture(name), file);
  chmodSync(file, 0o600);
  return file;
}

/** Adds a due lead, a later one, and two submissions without a lead. */
async function fill(store: ReturnType<typeof openSqliteStore>) {
  const { first, second, from } = await seeded(store);
  await store.submit(from(first.id, { content: '{"first_name":"John","surname":"Doe"}' }));
  await store.submit(from(first.id, { mobile: '+447840258824', delays: 3600 }));
  await store.submit(from(second.id));
  const unknown = from(second.id, { type: 'later', mobile: '+447840258825' });
  await store.submit(unknown);
  await store.close();
  return { unknown };
}

test('creates and lists types, partners and keys', async () => {
  const { leads, open } = storeWithCli();
  expect(
    lines(await leads('type', 'add', 'motor', '--always', '--recontact-after', '90d', '--json')),
  ).toEqual([
    {
      name: 'motor',
      recontact_after: 7_776_000,
      withdraws: false,
      consent_required: false,
      registries: [],
      registry_override: false,
      screening: 'auto',
      calling_hours: 'always',
      calling_zone: null,
      calling_hours_decided: true,
    },
  ]);
  await leads('type', 'add', 'home', '--always');
  expect((await leads('partner', 'add', 'broker', '--type', 'motor', '--type', 'home')).stdout).toMatch(
    /^Added partner "broker"\./,
  );
  const site = await leads('partner', 'add', 'site', '--type', 'home', '--type', 'home', '--json');
  expect(lines(site)).toEqual([{ name: 'site', types: ['home'] }]);
  expect((await leads('partner', 'grant', 'site', 'motor')).stdout).toBe(
    'Partner "site" can send leads of type "motor".\n',
  );

  const created = await leads('key', 'create', 'broker');
  const [key] = lines(created) as { id: string; key: string; partner: string }[];
  expect(Object.keys(key ?? {})).toEqual(['id', 'key', 'partner', 'test']);
  expect(created.stderr).toMatch(/not shown again/);

  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([
    { name: 'home', recontact_after: null, partners: ['broker', 'site'] },
    { name: 'motor', recontact_after: 7_776_000, partners: ['broker', 'site'] },
  ]);
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([
    { name: 'broker', types: ['home', 'motor'], keys: 1 },
    { name: 'site', types: ['home', 'motor'], keys: 0 },
  ]);
  const listed = await leads('key', 'list', 'broker', '--json');
  expect(lines(listed)).toMatchObject([{ id: key?.id, partner: 'broker', revoked_at: null }]);
  expect(listed.stdout).not.toContain(key?.key);
  expect(lines(await leads('key', 'list', 'site', '--json'))).toEqual([]);

  const store = open();
  expect(await store.keyHolder(digestOf(key?.key ?? ''))).toMatchObject({ partner: { name: 'broker' } });
  await leads('key', 'revoke', key?.id ?? '', '--yes');
  expect(await store.keyHolder(digestOf(key?.key ?? ''))).toMatchObject({ reason: 'revoked' });
  await store.close();
});

test('rotates a key; the old one stays valid until --old-until', async () => {
  const { leads, open } = storeWithCli();
  await leads('partner', 'add', 'broker');
  const [old] = lines(await leads('key', 'create', 'broker')) as { id: string; key: string }[];
  const rotated = await leads('key', 'rotate', old?.id ?? '', '--old-until', '2h');
  const [next] = lines(rotated) as { id: string; key: string; old_until: string }[];
  expect(next).toMatchObject({ partner: 'broker', replaces: old?.id });
  expect(rotated.stderr).toMatch(/not shown again/);
  expect(lines(await leads('key', 'list', '--json'))).toMatchObject([
    { id: old?.id, expires_at: next?.old_until, revoked_at: null, last_used_at: null },
    { id: next?.id, expires_at: null },
  ]);
  const store = open();
  for (const { key } of [old, next].filter((each) => each !== undefined)) {
    expect(await store.keyHolder(digestOf(key))).toMatchObject({ partner: { name: 'broker' } });
  }
  await store.recordKeyLastUsed(new Map([[old?.id ?? '', Date.parse('2030-01-02T03:04:05Z')]]));
  await store.close();
  expect((await leads('key', 'list')).stdout).toContain('2030-01-02T03:04:05Z');
});

test('does not rotate a key again, and reports its replacement, until when it works and what to do', async () => {
  const { leads } = storeWithCli();
  await leads('partner', 'add', 'broker');
  const [old] = lines(await leads('key', 'create', 'broker')) as { id: string }[];
  const first = await leads('key', 'rotate', old?.id ?? '', '--old-until', '2h');
  const [next] = lines(first) as { id: string; old_until: string }[];
  const before = await leads('key', 'list', '--json');
  expect(lines(before)).toMatchObject([
    { id: old?.id, replaced_by: next?.id },
    { id: next?.id, replaced_by: null },
  ]);
  expect(await leads('key', 'rotate', old?.id ?? '', '--old-until', '9h')).toEqual({
    code: 1,
    stdout: '',
    stderr: `Key ${old?.id} has already been replaced by key ${next?.id}, and works until ${next?.old_until}, so nothing was changed. To replace the newer key, run \`leads key rotate ${next?.id}\`. To end the old key now, run \`leads key revoke ${old?.id}\`. If the partner has lost the newer key, run \`leads key create\`.\n`,
  });
  expect(await leads('key', 'list', '--json')).toEqual(before);
});

test('sets and shows the limit of a partner', async () => {
  const { leads } = storeWithCli();
  await leads('partner', 'add', 'broker');
  expect((await leads('partner', 'limit', 'broker', '50')).stdout).toBe(
    'Each key of partner "broker" may send 50 requests per second, and up to 500 at once.\n',
  );
  expect((await leads('partner', 'limit', 'broker', '1')).stdout).toBe(
    'Each key of partner "broker" may send 1 request per second, and up to 10 at once.\n',
  );
  expect(lines(await leads('partner', 'limit', 'broker', '5', '--burst', '7', '--json'))).toEqual([
    { partner: 'broker', limit: { per_second: 5, burst: 7 }, daily_quota: null, max_priority: 9 },
  ]);
  expect((await leads('partner', 'list')).stdout).toContain('5/s, burst 7');
  await leads('partner', 'limit', 'broker', 'off');
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([{ limit: 'off' }]);
  await leads('partner', 'limit', 'broker', 'default');
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([{ limit: 'default' }]);
});

test('sets and shows the maximum priority of a partner', async () => {
  const { leads } = storeWithCli();
  await leads('partner', 'add', 'broker');
  expect((await leads('partner', 'limit', 'broker', '--priority', '3')).stdout).toBe(
    'Leads that partner "broker" adds have a priority of up to 3.\n',
  );
  expect((await leads('partner', 'list', '--wide')).stdout).toContain('up to 3');
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([{ max_priority: 3 }]);
});

test('sets and shows the daily quota of a partner, alone or with its rate limit', async () => {
  const { leads } = storeWithCli();
  await leads('partner', 'add', 'broker');
  expect((await leads('partner', 'limit', 'broker', '--daily', '500')).stdout).toBe(
    'Partner "broker" may add up to 500 leads on one day (UTC).\n',
  );
  expect((await leads('partner', 'list')).stdout).toContain('0 of 500');
  expect((await leads('partner', 'limit', 'broker', '5', '--daily', '1')).stdout).toBe(
    'Each key of partner "broker" may send 5 requests per second, and up to 50 at once. Partner "broker" may add up to 1 lead on one day (UTC).\n',
  );
  expect(lines(await leads('partner', 'list', '--json'))).toMatchObject([
    { limit: { per_second: 5, burst: 50 }, daily_quota: 1, accepted_today: 0 },
  ]);
  expect(lines(await leads('partner', 'limit', 'broker', '--daily', 'off', '--json'))).toEqual([
    { partner: 'broker', limit: { per_second: 5, burst: 50 }, daily_quota: null, max_priority: 9 },
  ]);
  for (const [words, reason] of [
    [[], 'Nothing to set. Pass a number of requests per second, --daily or --priority.'],
    [['--burst', '5'], '--burst requires a number of requests per second.'],
    [['--daily', '0'], 'It must be a whole number, at least 1.'],
    [['--priority', '10'], 'It must be a whole number from 0 to 9.'],
  ] as const) {
    expect((await leads('partner', 'limit', 'broker', ...words)).stderr).toContain(reason);
  }
});

test('prints a table with aligned columns', async () => {
  const { leads, open } = storeWithCli();
  await fill(open());
  const { stdout } = await leads('lead', 'list');
  const [head = '', ...rows] = stdout.trimEnd().split('\n');
  expect(rows).toHaveLength(2);
  for (const column of ['STATE', 'DUE', 'PARTNER', 'TYPE', 'MOBILE']) {
    for (const row of rows)
      expect(row.slice(head.indexOf(column) - 2, head.indexOf(column) + 1)).toMatch(/^ {2}\S$/);
  }
});

test('lists a failed lead with its response, shows its attempts, and retries it', async () => {
  const { leads, open } = storeWithCli();
  await fill(open());
  const store = open();
  await deliverDue(store, 'rejected');
  await store.close();
  const [failed] = lines(await leads('lead', 'list', '--state', 'failed', '--json')) as { id: string }[];
  expect(failed).toMatchObject({ state: 'failed', attempts: 1, last_response: 'rejected once' });
  expect((await leads('lead', 'list', '--state', 'failed')).stdout).toContain('rejected once');
  const [person] = lines(await leads('lead', 'show', '07840 258823', '--json')) as { attempts: object[] }[];
  expect(person?.attempts).toMatchObject([
    { lead_id: failed?.id, outcome: 'rejected', response: 'rejected once' },
  ]);
  expect((await leads('lead', 'show', '07840 258823')).stdout).toMatch(
    /OUTCOME +LEAD +DETAILS\n(?:.*\n)*.* attempt +rejected +\w+ +rejected once \(after 0\.\d+ s\)\n/,
  );

  expect(await leads('lead', 'retry', failed?.id ?? '')).toEqual({
    code: 0,
    stdout: `Lead ${failed?.id} is due now.\n`,
    stderr: '',
  });
  expect(lines(await leads('due', '--json'))).toMatchObject([{ id: failed?.id }]);
});

test('lists undecided leads, and records whether the dialler has them', async () => {
  const { leads, open } = storeWithCli();
  const store = open();
  const { first, from } = await seeded(store);
  for (const mobile of ['+447840258823', '+447840258824', '+447840258825']) {
    await store.submit(from(first.id, { mobile }));
  }
  await deliverDue(store, 'unknown');
  await store.close();
  const list = async () =>
    (lines(await leads('lead', 'list', '--undecided', '--json')) as { id: string }[]).map(({ id }) => id);
  const [delivered = '', lost = '', retried = ''] = await list();
  expect((await leads('lead', 'list')).stdout.match(/ failed \(undecided\) /g)).toHaveLength(3);
  expect(lines(await leads('lead', 'list', '--json'))[0]).toMatchObject({ state: 'failed', undecided: true });

  expect(await leads('lead', 'resolve', delivered, '--delivered')).toEqual({
    code: 0,
    stdout: `Lead ${delivered} is recorded as dialled at its last attempt.\n`,
    stderr: '',
  });
  expect(await list()).toEqual([lost, retried]);
  const wrong = await leads('lead', 'resolve', delivered, lost, 'nothing', '--not-delivered', '--json');
  expect({ ...wrong, stdout: lines(wrong) }).toEqual({
    code: 1,
    stdout: [{ id: lost, state: 'failed', undecided: false }],
    stderr: [
      `Lead ${delivered} (dialled) is not undecided. Run \`leads lead list --undecided\` to list undecided leads.`,
      'Lead "nothing" does not exist. Run `leads lead list`.',
      '',
    ].join('\n'),
  });
  expect(await list()).toEqual([retried]);
  expect((await leads('lead', 'retry', retried)).stdout).toBe(
    `Lead ${retried} is due now. The dialler may already have it under the same id.\n`,
  );
  expect((await leads('lead', 'list', '--undecided')).stdout).toBe('There are no matching leads.\n');
});

test.each([[[]], [['--delivered', '--not-delivered']]])(
  'requires exactly one decision, not %j',
  async (options) => {
    const { leads, open } = storeWithCli();
    const store = open();
    const { first, from } = await seeded(store);
    await store.submit(from(first.id));
    await deliverDue(store, 'unknown');
    const [lead] = await leadsIn(store);
    const { code, stdout, stderr } = await leads('lead', 'resolve', lead?.id ?? '', ...options);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^.*--delivered.*--not-delivered.*\.\n$/);
    expect(await leadsIn(store)).toMatchObject([{ isUndecided: true }]);
    await store.close();
  },
);

test('shows later cancellations, and re-runs or retries only with --force', async () => {
  const { leads, open } = storeWithCli();
  const store = open();
  const { first, second, from } = await seeded(store);
  const own = { partnerId: first.id, type: 'motor', mobile: '+447840258823' };
  const cancelled = from(first.id);
  const failed = from(first.id, { mobile: '+447840258824' });
  const free = from(first.id, { mobile: '+447840258825', type: 'later' });
  await store.submit(cancelled);
  await cancel(store, own);
  await store.submit(failed);
  await deliverDue(store, 'unknown');
  await cancel(store, { ...own, mobile: failed.mobile });
  await store.submit(free);
  await cancel(store, { ...own, mobile: free.mobile, type: 'later', partnerId: second.id });
  const [lead] = await leadsIn(store);
  await store.close();

  const [person] = lines(await leads('lead', 'show', '07840258823', '--json'));
  expect(person).toMatchObject({
    cancellations: [
      {
        partner: 'first',
        type: 'motor',
        mobile: '+447840258823',
        outcome: 'cancelled',
        submitted: { mobile: '+447840258823', type: 'motor' },
      },
    ],
  });
  expect((await leads('lead', 'show', '07840258823')).stdout).toMatch(
    /TIME +EVENT .*\n(?:.*\n)*.* cancellation +cancelled +\w{20} +motor, by first, Request-Id [0-9a-f-]{36}\n/,
  );

  const rerun = await leads('submission', 'rerun', cancelled.id, free.id);
  expect(rerun.code).toBe(1);
  expect(rerun.stderr).toMatch(
    new RegExp(
      `^Submission ${cancelled.id} was not scheduled: its partner "first" requested a cancellation at .* --force .*\n$`,
    ),
  );
  expect(rerun.stdout).toMatch(new RegExp(`${cancelled.id} +not re-run +-\n`));
  expect(rerun.stdout).toMatch(new RegExp(`${free.id} +unknown-type +-\n`));
  expect(rerun.stdout).toMatch(new RegExp(`${cancelled.id} .* later +first \\(same partner\\) +cancelled `));
  expect(rerun.stdout).toMatch(new RegExp(`${free.id} .* later +second +unknown-type `));
  const asJson = await leads('submission', 'rerun', cancelled.id, '--json');
  expect(lines(asJson)).toEqual([
    {
      id: cancelled.id,
      rerun_at: null,
      outcome: null,
      lead_id: null,
      cancellations: [expect.objectContaining({ partner: 'first', later: true, same_partner: true })],
    },
  ]);
  expect(lines(await leads('submission', 'rerun', cancelled.id, '--force', '--json'))).toMatchObject([
    { id: cancelled.id, outcome: 'accepted', cancellations: [{ outcome: 'cancelled' }] },
  ]);

  const retry = await leads('lead', 'retry', lead?.id ?? '');
  expect(retry).toMatchObject({ code: 1, stdout: '' });
  expect(retry.stderr).toMatch(
    /was not scheduled: its partner "first" requested a cancellation at .* \(outcome: already-processed\)/,
  );
  expect((await leads('lead', 'retry', lead?.id ?? '', '--force')).stdout).toMatch(
    /is due now.*\n\nCANCELLATIONS FOR .*\n.* later +first \(same partner\) +already-processed /,
  );
});

test('does not deliver leads past DIAL_WITHIN, and reports them', async () => {
  const { file, leads, open } = storeWithCli();
  await fill(open());
  const database = new DatabaseSync(file);
  database.exec('UPDATE lead SET due_at = due_at - 7200000, next_attempt_at = next_attempt_at - 7200000');
  database.close();
  const environment = { DATABASE_URL: `sqlite:${file}`, DIAL_WITHIN: '90m' };
  const printed = await executeCli(['due', '--take', '10', '--json'], environment);
  expect(lines(printed)).toMatchObject([{ mobile: '+447840258824' }]);
  expect(printed.stderr).toBe('Not delivered because DIAL_WITHIN has passed: 1.\n');
  expect(lines(await leads('lead', 'list', '--state', 'expired', '--json'))).toHaveLength(1);
});

test('filters leads by state, type and partner, up to --limit', async () => {
  const { leads, open } = storeWithCli();
  await fill(open());
  const mobiles = async (...words: string[]) =>
    lines(await leads('lead', 'list', '--json', ...words)).map((lead) =>
      (lead as { mobile: string }).mobile.slice(-1),
    );
  expect(await mobiles()).toEqual(['4', '3']);
  expect(await mobiles('--state', 'dialled')).toEqual([]);
  expect(await mobiles('--type', 'motor', '--partner', 'first', '--state', 'scheduled')).toEqual(['4', '3']);
  expect(await mobiles('--limit', '1')).toEqual(['4']);
  expect((await leads('lead', 'list', '--limit', '1')).stdout).toMatch(
    /Showing the first 1\. Use --limit for more\.\n$/,
  );
});

test('shows everything about a person, in any form of the number', async () => {
  const { leads, open } = storeWithCli();
  await fill(open());
  expect(lines(await leads('lead', 'show', '07840 258823', '--json'))).toMatchObject([
    {
      mobile: '+447840258823',
      leads: [{ state: 'scheduled', partner: 'first', type: 'motor' }],
      submissions: [
        { partner: 'second', outcome: 'already-scheduled', reruns: [] },
        { partner: 'first', outcome: 'accepted', submitted: { first_name: 'John', surname: 'Doe' } },
      ],
    },
  ]);
  expect((await leads('lead', 'show', '0044 7840 258823')).stdout).toMatch(
    /^\+447840258823\n.*\n\nID +STATE .*\n.* scheduled .*\n\nTIME .*\n.* submission +accepted .*\n.* submission +already-scheduled .*\n$/,
  );
  expect((await leads('lead', 'show', '07840258829')).stdout).toBe(
    '+447840258829\n\nThere are no leads.\n\nNothing was sent or delivered, or it was removed by `leads prune` or `leads person erase`.\n',
  );
});

test('shows a person by the id of a lead or request and by e-mail address, with the key of each request', async () => {
  const { leads, open } = storeWithCli();
  const server = await serve(open());
  const email = 'O%_Hara@Leads.Example';
  const { mobile, type } = { mobile: '07840258823', type: 'motor-trade' };
  const body = { ...requestValue('addLead', 'delayed'), mobile, type, email };
  const added = await send(server, 'addLead', { body });
  const cancelled = await send(server, 'cancelLead', { body: { mobile, type } });
  await send(server, 'addLead', { body: { ...body, mobile: '07840258824', email: 'OxyHara@leads.example' } });
  await send(server, 'addLead', { body: { ...body, mobile: '07840258825' } });
  const [requestId = '', cancelId = ''] = [added, cancelled].map(({ headers }) => headers['request-id']);
  const leadId = added.headers['lead-id'] ?? '';
  const { keyId } = (await server.store.keyHolder(digestOf(server.key))) ?? {};
  const shown = async (text: string) => lines(await leads('lead', 'show', text, '--json'));
  for (const text of [leadId, requestId, requestId.toUpperCase(), cancelId]) {
    expect(await shown(text), text).toMatchObject([
      {
        mobile: '+447840258823',
        leads: [{ id: leadId, state: 'cancelled' }],
        submissions: [{ request_id: requestId, key_id: keyId }],
        cancellations: [{ request_id: cancelId, key_id: keyId, lead_id: leadId }],
        pruned: [],
      },
    ]);
  }
  expect(await shown(email.toLowerCase())).toMatchObject([
    { mobile: '+447840258823' },
    { mobile: '+447840258825' },
  ]);
  const text = (await leads('lead', 'show', requestId)).stdout;
  expect(text).toMatch(/^\+447840258823\nJohn Doe, O%_Hara@Leads\.Example\ndata: \{"vehicle_make":"Ford"/);
  expect(text).toContain(`by ${server.partner} with key ${keyId}, Request-Id ${requestId}\n`);
  for (const missing of ['0'.repeat(20), '019ab05f-2d05-7a4c-8f53-6a1f0e000000', 'nobody@leads.example']) {
    expect(await leads('lead', 'show', missing)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(missing),
    });
  }
});

test('states what prune has removed of a person', async () => {
  const { leads, open } = storeWithCli();
  const store = open();
  const { first, from } = await seeded(store);
  const receivedAt = Date.now() - 500 * 86_400_000;
  await store.submit(from(first.id, { id: `${identifierBound(receivedAt)}0000000000`, receivedAt }));
  await deliverDue(store);
  const [lead] = await leadsIn(store);
  await store.close();
  await leads('prune', '--older-than', '400d', '--yes');
  expect((await leads('lead', 'show', '07840258823')).stdout).toMatch(
    new RegExp(
      `\\n\`leads prune\` has removed the submission and the attempts of ${lead?.id}, and possibly others\\.\\n$`,
    ),
  );
  expect(lines(await leads('lead', 'show', '07840258823', '--json'))).toMatchObject([
    { leads: [{ state: 'dialled' }], pruned: [lead?.id] },
  ]);
});

test('lists submissions by outcome, and re-runs one after its type was added', async () => {
  const { leads, open } = storeWithCli();
  const { unknown } = await fill(open());
  const list = async () =>
    lines(await leads('submission', 'list', '--outcome', 'unknown-type', '--json')).map(
      (each) => (each as { id: string }).id,
    );
  expect(await list()).toEqual([unknown.id]);
  await leads('type', 'add', 'later', '--always');
  await leads('partner', 'grant', 'second', 'later');
  expect(lines(await leads('submission', 'rerun', unknown.id, '--json'))).toMatchObject([
    { id: unknown.id, outcome: 'accepted' },
  ]);
  expect(await list()).toEqual([]);
  expect((await leads('submission', 'list')).stdout).toContain('unknown-type, then accepted');
});

test('re-runs the other submissions if one id is unknown', async () => {
  const { leads, open } = storeWithCli();
  const { unknown } = await fill(open());
  const { code, stdout, stderr } = await leads('submission', 'rerun', unknown.id, 'nothing', '--json');
  expect(code).toBe(1);
  expect(stdout).toContain(unknown.id);
  expect(stderr).toMatch(/^Submission "nothing" does not exist/);
});

test('reports the ids that it refused before the store failed', async () => {
  const { file, leads, open } = storeWithCli();
  const { unknown } = await fill(open());
  const database = new DatabaseSync(file);
  database.exec(
    `CREATE TRIGGER fails BEFORE INSERT ON rerun BEGIN SELECT RAISE(FAIL, 'The store failed.'); END`,
  );
  database.close();
  expect(await leads('submission', 'rerun', 'nothing', unknown.id, 'not reached')).toEqual({
    code: 1,
    stdout: '',
    stderr: [
      'Submission "nothing" does not exist. Run `leads submission list`.',
      'The command failed: The store failed.',
      '',
    ].join('\n'),
  });
});

test('lists due leads, and --take prints each once and marks it as dialled', async () => {
  const { leads, open } = storeWithCli();
  await fill(open());
  expect((await leads('due')).stdout).toContain('John Doe');
  const printed = lines(await leads('due', '--take', '5', '--json'));
  expect(printed).toMatchObject([
    {
      mobile: '+447840258823',
      partner: 'first',
      type: 'motor',
      submitted: { first_name: 'John', surname: 'Doe' },
    },
  ]);
  expect((await leads('due', '--take', '5')).stdout).toBe('No leads can be delivered now.\n');
  expect(await leads('due', '--take', '5', '--limit', '1')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/'--limit <n>' cannot be used with option '--take <n>'\.\n$/),
  });
  const store = open();
  expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'dialled']);
  await store.close();
});

test('lists due leads that may not be called now, and reports how many there are', async () => {
  const { leads, open } = storeWithCli();
  const store = open();
  const { first, from } = await seeded(store);
  for (const mobile of ['+447840258823', '+447840258824']) await store.submit(from(first.id, { mobile }));
  const day = new Date(Date.now() - 2 * 86_400_000).toUTCString().slice(0, 3);
  const hours = { hours: `${day} 00:00-24:00`, zone: 'UTC', country: 'GB', holidays: [] };
  await store.setCallingHours('motor', hours);
  await store.close();
  const listed = await leads('due', '--json');
  expect(lines(listed)).toHaveLength(2);
  expect(listed.stderr).toMatch(
    /^Listed, but not permitted now \(calling-hours\): 2 leads wait until \S+T00:00:00Z\.\n$/,
  );
});

test('does not mark leads as dialled if their output failed', async () => {
  const { file, open } = storeWithCli();
  const store = open();
  const { first, from } = await seeded(store);
  await Promise.all(
    Array.from({ length: 3_000 }, (_, index) => store.submit(from(first.id, { mobile: mobileOf(index) }))),
  );
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
  const { stderr } = spawnSync('sh', ['-c', `"${process.execPath}" "${cli}" due --take 3000 --json | true`], {
    env: { PATH: process.env['PATH'], DATABASE_URL: `sqlite:${file}` },
    encoding: 'utf8',
  });
  expect(stderr).toMatch(/^Writing the output failed .* due again in 60 seconds: [0-9a-z ]+\n$/);
  const states = new Set((await leadsIn(store)).map(({ state }) => state));
  expect(states).toEqual(new Set(['scheduled']));
  await store.close();
});

test('prints leads of several batches as one table', async () => {
  const { leads, open } = storeWithCli();
  const store = open();
  const { first, from } = await seeded(store);
  for (let index = 0; index < 120; index += 1) {
    const content = JSON.stringify({ first_name: 'J'.repeat(1 + (index % 30)), surname: 'Doe' });
    // Later rows are wider.
    const type = index < 60 ? 'motor' : 'motor-trade';
    if (index === 60) await store.addType(type, null);
    if (index === 60) await store.grantType('first', type);
    await store.submit(from(first.id, { mobile: mobileOf(index), type, content }));
  }
  const { code, stdout, stderr } = await leads('due', '--take', '20000');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [head = '', ...rows] = stdout.trimEnd().split('\n');
  expect(rows).toHaveLength(120);
  expect(head.startsWith('ID ')).toBe(true);
  // Rows before the first wider one align with the heading, and rows after it with each other.
  for (const row of rows.slice(0, 50))
    expect(row.slice(head.indexOf('NAME') - 2).startsWith('  J')).toBe(true);
  expect(new Set(rows.slice(100).map((row) => row.indexOf('J'))).size).toBe(1);
  expect((await store.leadStats()).byState).toMatchObject({ dialled: 120, scheduled: 0 });
  await store.close();
  expect((await leads('due', '--take', '20000', '--json')).stdout).toBe('');
});

test('marks pauses that end by themselves', async () => {
  const { leads, open } = storeWithCli();
  const store = open();
  await store.pauseDelivery({
    type: undefined,
    by: 'dialler',
    reason: 'user locked.',
    retryAt: Date.UTC(2026, 10, 23),
  });
  expect(lines(await leads('delivery', 'list', '--json'))).toMatchObject([
    { retry_at: '2026-11-23T00:00:00Z' },
  ]);
  expect((await leads('delivery', 'list')).stdout).toContain('user locked.; resumes by itself');
  expect((await leads('due')).stderr).toContain(
    'user locked. It resumes by itself once the cause is corrected.',
  );
});

test('pauses and resumes delivery, and reports which due leads are not included', async () => {
  const { leads, open } = storeWithCli();
  await fill(open());
  expect((await leads('delivery', 'list')).stdout).toBe('Delivery is not paused.\n');
  expect((await leads('delivery', 'pause', '--type', 'motor', '--reason', 'The list is full.')).stdout).toBe(
    'Paused delivery of lead type "motor". Every server applies the pause within a second; attempts in flight finish.\n',
  );
  expect(lines(await leads('delivery', 'pause', '--reason', 'moving', '--json'))).toEqual([
    { type: null, paused: true, reason: 'moving' },
  ]);
  expect(lines(await leads('delivery', 'list', '--json'))).toEqual([
    { type: null, since: expect.stringMatching(/^20.*Z$/), by: 'operator', reason: 'moving', retry_at: null },
    {
      type: 'motor',
      since: expect.stringMatching(/^20.*Z$/),
      by: 'operator',
      reason: 'The list is full.',
      retry_at: null,
    },
  ]);
  expect((await leads('delivery', 'list')).stdout).toMatch(
    /^TYPE +SINCE +BY +REASON\n\(all\) +20\S+Z +operator +moving\nmotor +/,
  );
  const motor =
    /Paused leads are not included: delivery of lead type "motor" has been paused by the operator since 20\S+Z: The list is full\.\n/;
  for (const words of [['due'], ['due', '--take', '5']]) {
    const { code, stdout, stderr } = await leads(...words);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'No leads can be delivered now.\n' });
    expect(stderr).toMatch(motor);
    expect(stderr).toMatch(
      /Paused leads are not included: delivery of all lead types has been paused by the operator since 20\S+Z: moving\.\n/,
    );
  }
  const resumed = await leads('delivery', 'resume');
  expect(resumed.stdout).toBe('Resumed delivery of all lead types.\n');
  expect(resumed.stderr).toMatch(/^Still paused: delivery of lead type "motor" has been paused/);
  expect(lines(await leads('delivery', 'resume', '--type', 'motor', '--json'))).toEqual([
    { type: 'motor', paused: false },
  ]);
  const { stderr, ...printed } = await leads('due', '--take', '1', '--json');
  expect(stderr).toBe('');
  expect(lines({ stderr, ...printed })).toMatchObject([{ mobile: '+447840258823' }]);
});

test('removes old data with `store prune`, and reports how much', async () => {
  const { file, leads, open } = storeWithCli();
  const { unknown } = await fill(open());
  const database = new DatabaseSync(file);
  // Makes the submission without a lead an old one.
  database.exec(
    `UPDATE submission SET received_at = 0, id = '0000000000' || substr(id, 11) WHERE lead_id IS NULL`,
  );
  database.close();
  expect(lines(await leads('prune', '--older-than', '400d', '--yes', '--json'))).toEqual([
    { submissions: 1, cancellations: 0, leads: 0, attempts: 0, contacts: 0, without_key: 0, evidence: 1 },
  ]);
  expect((await leads('submission', 'list')).stdout).not.toContain(unknown.mobile);
  expect((await leads('prune', '--older-than', '400d', '--yes')).stdout).toMatch(
    /^Removed data from before 20\S+Z\. Submissions: 0, cancellations: 0, leads: 0, attempts: 0\. Evidence stays;.* removed: 0\.\n$/,
  );
});

test('backs up the store to a file, and copies it to another store', async () => {
  const { file, leads, open } = storeWithCli();
  await fill(open());
  const copy = `${file}.copy`;
  expect((await leads('store', 'backup', copy)).stdout).toBe(
    `Backed up the store to ${copy} and verified the copy.\n`,
  );
  expect((await leads('store', 'backup', copy)).stderr).toMatch(
    /already exists\. Choose another file name\.\n$/,
  );

  const lastBackup = async (url: string) => {
    const store = await openStore(url);
    return store.lastBackupAt().finally(() => store.close());
  };
  expect(await lastBackup(`sqlite:${file}`)).toBeDefined();

  const postgres = await emptyDatabase();
  // Its password can be in the environment, but not on the command line.
  const target = { DATABASE_URL: `sqlite:${file}`, TARGET_URL: postgres };
  const copyAll = () => executeCli(['store', 'copy', 'DATABASE_URL', 'TARGET_URL', '--json'], target);
  expect(await copyAll()).toMatchObject({ code: 1, stderr: expect.stringContaining('`leads store create`') });
  await executeCli(['store', 'create', 'TARGET_URL'], target);
  const copied = await copyAll();
  expect(lines(copied)).toContainEqual({
    table: 'submission',
    rows: 4,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  // It is backed up with other tools.
  expect(await lastBackup(postgres)).toBeUndefined();
  const environment = { DATABASE_URL: postgres };
  const due = await executeCli(['due', '--json'], environment);
  expect(lines(due)).toMatchObject([{ mobile: '+447840258823' }]);
  expect((await executeCli(['store', 'backup', copy], environment)).stderr).toMatch(/pg_dump/);
  expect(await leads('store', 'copy', `sqlite:${file}`, `sqlite:${relative('.', file)}`)).toMatchObject({
    code: 1,
    stderr: '`<from>` and `<to>` are the same store. Choose another target.\n',
  });
  const refused = await leads('store', 'copy', `sqlite:${file}`, postgres);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(':***@') });
  expect(refused.stderr).toContain('contains a password, which every user of this machine can read');
  expect(refused.stderr).not.toContain(`${new URL(postgres).password}@`);
});

/** Every command that uses the configured store, with valid arguments. */
const commandsOnAStore = [
  ['type', 'add', 'motor', '--always'],
  ['type', 'list'],
  ['partner', 'add', 'broker'],
  ['key', 'list'],
  ['lead', 'list'],
  ['submission', 'list'],
  ['due'],
  ['delivery', 'list'],
  ['settings', 'list'],
  ['watch', '--json'],
  ['prune', '--older-than', '400d'],
  ['store', 'migrate'],
  ['store', 'backup', '/tmp/copy.db'],
  ['store', 'compact'],
  ['store', 'repair'],
  ['store', 'copy', 'DATABASE_URL', 'sqlite:other.db'],
  ['store', 'copy', 'sqlite:other.db', 'DATABASE_URL'],
];

test.each(commandsOnAStore.map((words) => [words]))('leads %j creates no store', async (words) => {
  const directory = temporaryDirectory();
  const file = join(directory, 'misspelt.db');
  expect(await executeCli(words, { DATABASE_URL: `sqlite:${file}` })).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      / does not exist\. If this is a new installation, run `leads store create`\. Otherwise, its URL \(DATABASE_URL\) is wrong, or its volume is not mounted\.\n$/,
    ),
  });
  expect(readdirSync(directory)).toEqual([]);
});

test('commands use the settings in the store, whatever their environment is', async () => {
  const { file, leads, open } = storeWithCli();
  const store = open();
  const { first, from } = await seeded(store);
  await store.submit(from(first.id, { mobile: '+33612345678' }));
  await store.submit(from(first.id, { mobile: '+33612345679', receivedAt: Date.now() - 7_200_000 }));
  await store.recordSettings({ DEFAULT_COUNTRY: 'FR' });
  await store.close();
  const elsewhere = { DATABASE_URL: `sqlite:${file}`, DEFAULT_COUNTRY: 'DE', DIAL_WITHIN: 'off' };
  const shown = await executeCli(['lead', 'show', '06 12 34 56 78', '--json'], elsewhere);
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('+33612345678') });

  expect(await leads('settings', 'set', 'DEFAULT_COUNTRY', 'gb')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^Set DEFAULT_COUNTRY to GB\. .* Restart every server with DEFAULT_COUNTRY=GB/,
    ),
  });
  expect(lines(await leads('settings', 'set', 'DIAL_WITHIN', '60m', '--json'))).toEqual([
    { name: 'DIAL_WITHIN', value: '1h' },
  ]);
  expect(lines(await executeCli(['settings', 'list', '--json'], elsewhere))).toMatchObject([
    { name: 'DEFAULT_COUNTRY', value: 'GB' },
    { name: 'DIAL_WITHIN', value: '1h' },
  ]);
  expect(await executeCli(['lead', 'show', '06 12 34 56 78'], elsewhere)).toMatchObject({ code: 1 });
  expect((await leads('settings', 'set', 'DIAL_WITHIN', 'soon')).stderr).toBe(
    'DIAL_WITHIN must be off, or a duration such as 24h or 90m; it is "soon".\n',
  );
  expect((await leads('settings', 'set', 'PORT', '1')).stderr).toContain('Allowed choices are');
});

test.each(['SQLite', 'PostgreSQL'])(
  'migrates an older store in %s only with `store migrate`',
  async (kind) => {
    const url = kind === 'SQLite' ? `sqlite:${copyOfFixture('leads.db')}` : await emptyDatabase();
    if (kind === 'PostgreSQL') await asAdministrator(url, readFileSync(fixture('leads.sql'), 'utf8'));
    const environment = { DATABASE_URL: url };
    const latest = migrations.length;
    for (const words of [
      ['lead', 'list'],
      ['type', 'add', 'new'],
    ]) {
      expect(await executeCli(words, environment)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(
          ` has migration 1, and this version needs migration ${latest}. Run \`leads store migrate\``,
        ),
      });
    }
    const migrate = () => executeCli(['store', 'migrate', '--yes', '--json'], environment);
    expect(lines(await migrate())).toEqual([{ from: 1, to: latest }]);
    expect(lines(await migrate())).toEqual([{ from: latest, to: latest }]);
    expect(await executeCli(['lead', 'list'], environment)).toMatchObject({ code: 0, stderr: '' });
  },
);

/** A terminal at which somebody answers a question. */
function terminalThatAnswers(answer: string): Readable {
  return Object.assign(Readable.from([`${answer}\n`]), { isTTY: true });
}

test.each([
  ['prune', '--older-than', '1s'],
  ['key', 'revoke'],
  ['store', 'migrate'],
])('leads %s %s changes nothing unless it is confirmed', async (...words) => {
  const file = copyOfFixture('leads.db');
  const execute = (given: readonly string[], input: Readable | string = '') =>
    executeCli(given, { DATABASE_URL: `sqlite:${file}` }, input);
  if (words[0] !== 'store') await execute(['store', 'migrate', '--yes']);
  if (words[0] === 'key') {
    const [key] = lines(await execute(['key', 'list', '--json'])) as { id: string }[];
    words.push(key?.id ?? '');
  }
  const stored = () => readStore(file);
  const before = stored();
  const unasked = await execute(words);
  expect(unasked).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/Pass --yes to confirm\.\n$/),
  });
  for (const answer of ['', 'n', 'no', 'yesterday']) {
    const refused = await execute(words, terminalThatAnswers(answer));
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/Continue\? \[y\/N\] (?:.|\n)*Nothing was changed\.\n$/),
    });
  }
  expect(stored()).toEqual(before);
  expect(await execute(words, terminalThatAnswers('Y'))).toMatchObject({ code: 0 });
  expect(stored()).not.toEqual(before);
});

/** Reads what the confirmed commands change: the schema, the submissions and the keys. */
function readStore(file: string): unknown {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return ['sqlite_schema', 'submission', 'api_key'].map((table) =>
      database.prepare(`SELECT * FROM ${table}`).all(),
    );
  } finally {
    database.close();
  }
}

test('prune --dry-run counts what prune removes, and removes nothing', async () => {
  const file = copyOfFixture('leads.db');
  const execute = (...words: string[]) => executeCli(words, { DATABASE_URL: `sqlite:${file}` });
  await execute('store', 'migrate', '--yes');
  const before = readStore(file);
  const [counted] = lines(await execute('prune', '--older-than', '1s', '--dry-run', '--json')) as object[];
  expect(readStore(file)).toEqual(before);
  const [removed] = lines(await execute('prune', '--older-than', '1s', '--yes', '--json')) as object[];
  expect(counted).toEqual({ ...removed, leads: null, attempts: null, contacts: null, without_key: null });
  expect(removed).toMatchObject({ submissions: expect.any(Number), cancellations: expect.any(Number) });
  // The store has its key, and evidence is younger than its own age.
  const { evidence, without_key, ...others } = { evidence: undefined, without_key: undefined, ...removed };
  expect({ evidence, without_key }).toEqual({ evidence: 0, without_key: 0 });
  expect(Object.values(others).every((count) => Number(count) > 0)).toBe(true);
});

test.each(['SQLite', 'PostgreSQL'])('creates a store in %s, but not a second time', async (kind) => {
  const url = kind === 'SQLite' ? `sqlite:${join(temporaryDirectory(), 'leads.db')}` : await emptyDatabase();
  const environment = { DATABASE_URL: url };
  const listed = () => executeCli(['type', 'list'], environment);
  expect(await listed()).toMatchObject({ code: 1, stderr: expect.stringContaining('`leads store create`') });
  const store = redactedUrl(url);
  expect(lines(await executeCli(['store', 'create', '--json'], environment))).toEqual([{ store }]);
  expect(await listed()).toMatchObject({ code: 0, stderr: '' });
  expect(await executeCli(['store', 'create'], environment)).toMatchObject({
    code: 1,
    stderr: `${store} already contains a store, which was not changed. Pass another store, or run \`leads store migrate\`.\n`,
  });
});

test.each([
  [['nonsense'], 'There is no command "nonsense" in `leads`. Run `leads --help` to list the commands.'],
  [
    ['typ', 'list'],
    'There is no command "typ" in `leads`. Did you mean `leads type`? Run `leads --help` to list the commands.',
  ],
  [
    ['key', 'retry'],
    'There is no command "retry" in `leads key`. Run `leads key --help` to list the commands.',
  ],
  [['type', 'add'], "Missing required argument 'name'."],
  [
    ['type', 'add', 'motor', '--recontact-afte', '1d'],
    "Unknown option '--recontact-afte' (Did you mean --recontact-after?)",
  ],
  [
    ['type', 'add', 'motor', '--recontact-after', '90'],
    '"90" is not a duration. Use a number and a unit, such as 90d, 12h or 1h30m.',
  ],
  [
    ['type', 'add', 'motor', '--recontact-after', '0d'],
    '"0d" is not a duration. Use a number and a unit, such as 90d, 12h or 1h30m.',
  ],
  [
    ['type', 'add', 'motor', '--recontact-after', '1000001d'],
    '"1000001d" is too long. The maximum is 1000000d.',
  ],
  [
    ['type', 'add', ' motor'],
    '" motor" is not a valid name for a lead type. Choose 1 to 64 visible characters without white space at the start or end.',
  ],
  [
    ['partner', 'add', 'ac\u202eme'],
    '"ac\\u202eme" is not a valid name for a partner. Choose 1 to 64 visible characters without white space at the start or end.',
  ],
  [
    ['type', 'add', '\u3164'],
    '"\\u3164" is not a valid name for a lead type. Choose 1 to 64 visible characters without white space at the start or end.',
  ],
  [
    ['partner', 'add', ''],
    '"" is not a valid name for a partner. Choose 1 to 64 visible characters without white space at the start or end.',
  ],
  [['partner', 'grant', 'nobody', 'motor'], 'Partner "nobody" does not exist. Run `leads partner list`.'],
  [['key', 'create', 'nobody'], 'Partner "nobody" does not exist. Run `leads partner list`.'],
  [['key', 'revoke', 'nothing'], 'Key "nothing" does not exist. Run `leads key list`.'],
  [['key', 'rotate', 'nothing'], 'Key "nothing" does not exist. Run `leads key list`.'],
  [
    ['key', 'rotate', 'nothing', '--old-until', '2001-01-01'],
    "Option '--old-until <when>' argument '2001-01-01' is invalid. It must be a future date or time in UTC, such as 2030-12-24 or 2030-12-24T18:00:00Z, or a duration, such as 7d.",
  ],
  [
    ['key', 'rotate', 'nothing', '--old-until', '2100-02-29'],
    "Option '--old-until <when>' argument '2100-02-29' is invalid. It must be a future date or time in UTC, such as 2030-12-24 or 2030-12-24T18:00:00Z, or a duration, such as 7d.",
  ],
  [
    ['key', 'rotate', 'nothing', '--old-until', '100000000d'],
    "Option '--old-until <when>' argument '100000000d' is invalid. It must be a future date or time in UTC, such as 2030-12-24 or 2030-12-24T18:00:00Z, or a duration, such as 7d.",
  ],
  [['partner', 'limit', 'nobody', '5'], 'Partner "nobody" does not exist. Run `leads partner list`.'],
  [
    ['partner', 'limit', 'acme', '2000000'],
    "Command-argument value '2000000' is invalid for argument 'per-second'. It must be `off`, `default` or a whole number from 1 to 1000000.",
  ],
  [
    ['partner', 'limit', 'acme', 'off', '--burst', '5'],
    '--burst requires a number of requests per second, not `off`.',
  ],
  ...['1e3', '0x10', ' 5'].map((rate): [string[], string] => [
    ['partner', 'limit', 'acme', rate],
    `Command-argument value '${rate}' is invalid for argument 'per-second'. It must be \`off\`, \`default\` or a whole number from 1 to 1000000.`,
  ]),
  [['key', 'list', 'nobody'], 'Partner "nobody" does not exist. Run `leads partner list`.'],
  [
    ['delivery', 'pause', '--type', 'nothing', '--reason', 'maintenance'],
    'Lead type "nothing" does not exist. Run `leads type list`.',
  ],
  [['delivery', 'pause'], "Required option '--reason <text>' not specified."],
  [['delivery', 'pause', '--reason', ' '], 'The reason must have 1 to 500 characters. Change --reason.'],
  [
    ['store', 'backup', '/nowhere/copy.db'],
    'The directory /nowhere does not exist. Create it, or choose another one.',
  ],
  [
    ['delivery', 'resume'],
    'There is no pause of all lead types. Run `leads delivery list` to list the pauses.',
  ],
  [['delivery', 'resume', '--type', 'nothing'], 'Lead type "nothing" does not exist. Run `leads type list`.'],
  [
    ['lead', 'show', 'John'],
    '"John" is not a valid phone number, Lead-Id, Request-Id or e-mail address. Write a phone number as a national number, or with + and the country code.',
  ],
  ...['01a21cf2-fffd-7092-8e26-caa2b2000000', 'e6b1a9a0-7f59-4c0e-9a2b-0d8f2f1c3e4d'].map(
    (uuid): [string[], string] => [
      ['lead', 'show', uuid],
      `No request with the id ${uuid} was saved, or \`leads prune\` has removed it. If the server rejected the request, its log has the id. If the proxy responded itself, only the log of the proxy has it.`,
    ],
  ),
  [
    ['lead', 'show', '01k83s0kq3m4hn7c2v1a'],
    'No lead, submission or cancellation has the id 01k83s0kq3m4hn7c2v1a, or `leads prune` has removed it.',
  ],
  [
    ['lead', 'list', '--state', 'lost'],
    "Option '--state <state>' argument 'lost' is invalid. Allowed choices are scheduled, held, dialled, withdrawing, cancelled, failed, dismissed, expired, suppressed.",
  ],
  [
    ['due', '--take', 'all'],
    "Option '--take <n>' argument 'all' is invalid. It must be a whole number, at least 1.",
  ],
])('leads %j exits with 1 and one sentence', async (words, sentence) => {
  const { leads } = storeWithCli();
  expect(await leads(...words)).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
});

test.each([
  ['ends quietly if the reader of a list has ended', ['type', 'list', '--json'], 0, ''],
  ['ends quietly if the reader of a table has ended', ['due'], 0, ''],
  ['ends quietly if the reader of an empty table has ended', ['lead', 'list', '--state', 'held'], 0, ''],
  [
    'reports that a change could not be reported, because the reader of its output has ended',
    ['type', 'add', 'home'],
    1,
    'Writing the output failed, because its reader has ended (EPIPE).\n',
  ],
])('%s', async (_what, words, code, stderr) => {
  const { file, open } = storeWithCli();
  await fill(open());
  const child = start('src/cli.ts', words, { DATABASE_URL: `sqlite:${file}` });
  child.stdout.destroy();
  expect(await finished(child)).toEqual({ code, stdout: '', stderr });
});

test.each([
  [
    ['lead', 'list', '--partner', 'frist'],
    'Partner "frist" does not exist. Run `leads partner list`. Did you mean "first"?',
  ],
  [
    ['lead', 'list', '--type', 'MOTOR', '--json'],
    'Lead type "MOTOR" does not exist. Run `leads type list`. Did you mean "motor"?',
  ],
  [
    ['partner', 'grant', 'secnd', 'motor'],
    'Partner "secnd" does not exist. Run `leads partner list`. Did you mean "second"?',
  ],
  [['lead', 'list', '--type', 'holidays'], 'Lead type "holidays" does not exist. Run `leads type list`.'],
])('leads %j suggests the name that was probably meant', async (words, sentence) => {
  const { leads, open } = storeWithCli();
  await fill(open());
  expect(await leads(...words)).toEqual({ code: 1, stdout: '', stderr: `${sentence}\n` });
});

test('commands that process ids read them from standard input, also as a list prints them in JSON', async () => {
  const { file, leads, open } = storeWithCli();
  await fill(open());
  const store = open();
  await deliverDue(store, 'rejected');
  await store.close();
  const piped = (words: string[], input: string) =>
    executeCli(words, { DATABASE_URL: `sqlite:${file}` }, input);
  const failed = await leads('lead', 'list', '--state', 'failed', '--json');
  const [id] = lines(failed).map((lead) => (lead as { id: string }).id);
  expect(await piped(['lead', 'retry', '-'], failed.stdout)).toMatchObject({
    code: 0,
    stdout: `Lead ${id} is due now.\n`,
  });
  const mixed = await piped(['lead', 'retry', 'first', '-'], `\nsecond\n  ${id} \n`);
  expect(mixed.code).toBe(1);
  expect(mixed.stderr.match(/Lead "?(\w+)/g)).toEqual(['Lead "first', 'Lead "second']);
  expect(mixed.stdout).toBe(`Lead ${id} is due now.\n`);
  expect((await piped(['lead', 'retry', '-'], '{"name":"x"}')).stderr).toMatch(
    /has no text member `id`: \{"name":"x"\}/,
  );
});

test('reports in one sentence that a store cannot be opened', async () => {
  const { code, stderr } = await run('src/cli.ts', ['type', 'list'], {
    DATABASE_URL: 'mysql://somewhere',
  });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      'DATABASE_URL must be sqlite: and a file, such as sqlite:data/leads.db, or postgres://user:password@host/database, in which # / ? % @ of the password are written as %23 %2F %3F %25 %40; it is "mysql://somewhere".\n',
  });
});

test('names the store that cannot be created, and DATABASE_URL if it is the configured one', async () => {
  const url = `sqlite:${join(temporaryDirectory(), 'leads.db')}`;
  await executeCli(['store', 'create'], { DATABASE_URL: url });
  const below = `${url}/leads.db`;
  const problem = 'cannot be opened\\. \\S+ is not a directory, or is below a file\\. Correct the path';
  expect((await executeCli(['store', 'create', below], {})).stderr).toMatch(
    new RegExp(`^The command failed: the store ${below} ${problem}`),
  );
  expect((await executeCli(['store', 'create'], { DATABASE_URL: below })).stderr).toMatch(
    new RegExp(`^The command failed: the store in DATABASE_URL ${problem}`),
  );
});

test.each([[[]], [['key', 'rotate']]])('leads %j --help prints the help and exits with 0', async (words) => {
  const { code, stdout, stderr } = await run('src/cli.ts', [...words, '--help'], {});
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Usage: ${['npm run -s leads --', ...words].join(' ')} \\[options\\]`));
});
