/** What an operator sends to a regulator, and how the chain of evidence is verified. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { lines, storeWithCli } from '../harness/cli.ts';
import { claim } from '../harness/server.ts';
import { newSubmission } from '../harness/submissions.ts';
import { closeAfterTest, seeded } from '../store/stores.ts';

const consent = {
  consent_text: `I agree that Example Motors calls me. ${'x'.repeat(200)}`,
  consent_at: '2026-11-23T09:00:03Z',
  consent_url: 'https://cars.example/quote',
  consent_ip: '198.51.100.24',
  consent_caller: 'Example Motors Ltd',
};

/** Returns functions that run commands on a store with a delivered lead. */
async function storeWithEvidence() {
  const cli = storeWithCli();
  const { store, first, from } = await seeded(cli.open());
  const content = JSON.stringify({ first_name: 'John', other_phone: '020 7946 0958', ...consent });
  await store.submit(from(first.id, { content }));
  const [lead] = await claim(store, 'claim');
  const basis = '{"calling_hours":"Mon-Fri 09:00-20:00","zones":"Europe/London"}';
  const startedAt = Date.parse('2026-07-01T09:00:00Z');
  const attempt = {
    leadId: lead?.id ?? '',
    startedAt,
    endedAt: startedAt + 5,
    response: 'ok',
    basis,
  } as const;
  await store.recordAttempt('claim', { ...attempt, outcome: 'delivered' }, undefined);
  await store.close();
  return cli;
}

test('prints everything that proves a call as one document of 80 columns, and as JSON', async () => {
  const { leads, leadsWith } = await storeWithEvidence();
  const { code, stdout } = await leads('person', 'evidence', '07840258823');
  expect(code).toBe(0);
  for (const text of [
    'Evidence about +447840258823',
    'Partner             first',
    'Purpose             lead type motor',
    'Agreed at           2026-11-23T09:00:03Z, as the partner stated',
    'Consent             I agree that Example Motors calls me.',
    'Caller named        Example Motors Ltd',
    'IP address          198.51.100.24',
    'Other number        +442079460958',
    'Calling hours       Mon-Fri 09:00-20:00',
    'Local time          2026-07-01T10:00:00+01:00',
    'The chain of evidence is intact: 2 entries',
  ]) {
    expect(stdout).toContain(text);
  }
  expect(stdout.split('\n').filter((line) => stringWidth(line) > 80)).toEqual([]);
  const [json] = lines(await leadsWith('+442079460958\n', 'person', 'evidence', '-', '--json'));
  expect(json).toMatchObject({
    mobile: '+442079460958',
    entries: [
      { entry: 1, kind: 'request', content: { request: expect.stringContaining('"consent_text"') } },
      { entry: 2, kind: 'delivery', content: { basis: { zones: 'Europe/London' } } },
    ],
    chain: { entries: 2, faults: [] },
  });
  expect((await leads('person', 'evidence', '07840258899')).stdout).toContain(
    'There is no evidence about this person.',
  );
});

test('a document contains what refused a request, and the imports of the lists that did', async () => {
  const { leads, leadsWith, open } = await storeWithEvidence();
  const importOf = (words: string[], number: string) =>
    leadsWith(`number\n${number}\n`, 'suppression', 'import', '-', ...words);
  await importOf(['--list', 'old dialler'], '07840258824');
  await importOf(['--list', 'another'], '07840258829');
  await importOf(['--registry', 'tps', '--date', '2026-11-20'], '07840258824');
  await importOf(['--registry', 'tps', '--date', '2026-11-21'], '07840258824');
  await leads('type', 'edit', 'motor', '--registries', 'tps');
  const store = open();
  const lead = { partnerId: 1, receivedAt: Date.now(), type: 'motor', delays: 0, content: '{}' };
  await store.submit(newSubmission({ ...lead, mobile: '+447840258824' }));
  await store.close();
  await leads('suppression', 'remove', '--list', 'old dialler', '--yes');
  const { stdout } = await leads('person', 'evidence', '07840258824');
  for (const text of [
    'Outcome             do-not-call',
    'On the list of      tps 2026-11-21',
    'Do-not-call entry   import old dialler, for all lead types:',
    'List date           2026-11-21',
    'Removal of an imported list',
  ]) {
    expect(stdout).toContain(text);
  }
  expect(stdout.match(/^Import of a list/gm)).toHaveLength(2);
  expect(stdout).not.toMatch(/another|List date +2026-11-20/);
});

test('reports where the chain is broken, and ends with 1', async () => {
  const { leads, file, open } = await storeWithEvidence();
  // While it is open, no other connection moves the log into the file.
  closeAfterTest(open());
  const [intact] = lines(await leads('evidence', 'verify', '--json'));
  const { head } = Object(intact);
  expect((await leads('evidence', 'verify', '--head', head)).code).toBe(0);
  const database = new DatabaseSync(file);
  database.exec(`UPDATE evidence SET content = replace(content, 'John', 'Jane') WHERE kind = 'request'`);
  const changed = await leads('evidence', 'verify');
  expect(changed).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^- Entry \d: Its content was changed\.$/m),
  });
  expect((await leads('person', 'evidence', '07840258823')).code).toBe(1);
  database.exec('DELETE FROM evidence; UPDATE evidence_chain SET head_sequence = 0');
  database.close();
  const { code, stdout } = await leads('evidence', 'verify', '--head', head);
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: expect.stringContaining('Entries were removed at the end'),
  });
  expect((await leads('evidence', 'verify', '--head', 'x')).stderr).toContain('is not a head');
});

test('an earlier key that is missing is reported with its id and its place, and not as a change', async () => {
  const { leads, file, open } = await storeWithEvidence();
  closeAfterTest(open());
  const [intact] = lines(await leads('evidence', 'verify', '--json'));
  expect(intact).toMatchObject({ faults: [], missing_keys: [] });
  const earlier = readFileSync(`${file}.key`, 'utf8');
  writeFileSync(`${file}.key`, `${'ab'.repeat(32)}\n${earlier}`);
  expect((await leads('evidence', 'verify')).code).toBe(0);
  writeFileSync(`${file}.key`, 'ab'.repeat(32));
  const verified = await leads('evidence', 'verify');
  const [id = ''] =
    /(?<=2 entries of the chain cannot be verified without the key with the id )\w+/.exec(verified.stdout) ??
    [];
  expect(verified).toMatchObject({
    code: 1,
    stdout: expect.stringContaining(`Restore it from your backup of the key to ${file}.key`),
    stderr: expect.stringContaining('The integrity of the evidence cannot be verified'),
  });
  const document = await leads('person', 'evidence', '07840258823');
  expect(document.stdout.replaceAll('\n', ' ')).toContain(`without the key with the id ${id}.`);
  expect(document.code).toBe(1);
  expect(`${verified.stdout}${document.stdout}${document.stderr}`).not.toContain('broken');
  expect(lines(await leads('evidence', 'verify', '--json'))).toMatchObject([
    { faults: [], missing_keys: [{ id, entries: 2 }] },
  ]);
});

test('without the key of the store, no command adds to the chain, until the key is back or forgotten', async () => {
  const { leads, file } = await storeWithEvidence();
  expect((await leads('evidence', 'verify')).code).toBe(0);
  const [{ key }] = lines(await leads('person', 'evidence', '07840258823', '--json')).map((printed) => ({
    key: String(Object(printed).entries[0].key_id),
  })) as [{ key: string }];
  const inUse = await leads('store', 'forget-key', key, '--yes');
  expect(inUse).toMatchObject({ code: 1, stderr: expect.stringContaining('is not lost: it is in') });
  rmSync(`${file}.key`);
  const commands = [
    ['evidence', 'verify'],
    ['person', 'evidence', '07840258823'],
    ['prune', '--older-than', '400d', '--yes'],
  ];
  for (const words of commands) {
    const { code, stdout, stderr } = await leads(...words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    for (const text of [`id ${key}`, 'STORE_KEY_FILE', `leads store forget-key ${key}`]) {
      expect(stderr).toContain(text);
    }
  }
  const asked = await leads('store', 'forget-key', key);
  expect(asked).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('2 entries of evidence can be read'),
  });
  expect((await leads('store', 'forget-key', key, '--yes')).stdout).toContain(
    `no longer expects the key with the id ${key}`,
  );
  expect((await leads('store', 'forget-key', key, '--yes')).code).toBe(1);
  // A new key was created, and the entries of the lost one stay readable.
  const intact = await leads('evidence', 'verify', '--json');
  expect(intact.code).toBe(0);
  const missing = { id: key, entries: 2, forgotten_at: expect.stringMatching(/Z$/) };
  expect(lines(intact)).toMatchObject([{ faults: [], missing_keys: [missing], without_key: 0 }]);
  const today = new Date().toISOString().slice(0, 10);
  expect((await leads('evidence', 'verify')).stdout).toContain(
    `2 entries of the chain cannot be verified: the key with the id ${key} was forgotten on ${today}.`,
  );
  expect((await leads('person', 'evidence', '07840258823')).stdout).toContain('Request for a call');
});

test('pruning keeps evidence, and removes it after its own age', async () => {
  const { leads } = await storeWithEvidence();
  const [pruned] = lines(await leads('prune', '--older-than', '1s', '--yes', '--json'));
  expect(pruned).toMatchObject({ evidence: 0 });
  expect((await leads('person', 'evidence', '07840258823')).stdout).toContain('Request for a call');
  await leads('settings', 'set', 'EVIDENCE_RETENTION', '1s');
  await expect
    .poll(async () => lines(await leads('prune', '--older-than', '400d', '--yes', '--json')), {
      timeout: 10_000,
    })
    .toMatchObject([{ evidence: 2 }]);
  expect((await leads('person', 'evidence', '07840258823')).stdout).toContain('There is no evidence');
  expect((await leads('evidence', 'verify')).stdout).toContain('is intact');
});
