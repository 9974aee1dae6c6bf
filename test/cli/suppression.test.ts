/** `leads suppression`: operators answer for this list, so each command states what it has done. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatTime } from '../../src/cli/progress-bar.ts';
import { lines, storeWithCli } from '../harness/cli.ts';
import { mobileOf } from '../harness/mobile.ts';
import { deliverDue, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/** Creates a store with a scheduled lead of a person. */
async function withLead() {
  const cli = storeWithCli();
  const { store, first, from } = await seeded(cli.open());
  await store.submit(from(first.id));
  const [lead] = await leadsIn(store);
  await store.close();
  return { ...cli, id: lead?.id ?? '' };
}

/** Writes a file to import. */
function fileWith(text: string): string {
  const file = join(temporaryDirectory(), 'list.csv');
  writeFileSync(file, text);
  return file;
}

test('enters numbers from standard input, suppresses their leads, and reports both', async () => {
  const { leads, leadsWith, id } = await withLead();
  const { code, stdout } = await leadsWith(
    '07840 258823\n\n07840258824\n',
    'suppression',
    'add',
    '-',
    '--reason',
    'by phone',
  );
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Entered 2 numbers. Suppressed 1 scheduled lead.\n' });
  expect(lines(await leads('lead', 'list', '--json'))).toMatchObject([{ id, state: 'suppressed' }]);
  expect((await leads('lead', 'show', id)).stdout).toContain(
    `Lead ${id} is suppressed: its number was in the do-not-call list, or in the list of a registry`,
  );
  const again = await leads('suppression', 'add', '+447840258823', '--json');
  expect(lines(again)).toEqual([{ added: 0, suppressed_leads: [], withdrawn_leads: [] }]);
  expect(lines(await leads('suppression', 'check', '07840258823', '--json'))).toMatchObject([
    { mobile: '+447840258823', type: null, source: 'operator', source_id: '', reason: 'by phone' },
  ]);
});

test('changes nothing if a number or a type is not valid', async () => {
  const { leads, leadsWith } = await withLead();
  const invalid = await leadsWith('07840258823\n12345\n', 'suppression', 'add', '-');
  expect(invalid).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('"12345" is not a valid phone number. Nothing was changed.'),
  });
  expect(await leads('suppression', 'add', '07840258823', '--type', 'moter')).toMatchObject({ code: 1 });
  expect((await leads('suppression', 'list')).stdout).toBe('The do-not-call list has no such entries.\n');
});

test('reports which numbers are in the list, also by the id of a lead', async () => {
  const { leads, id } = await withLead();
  await leads('suppression', 'add', '07840258823', '--objected-at', '2026-11-01');
  const { stdout, stderr } = await leads('suppression', 'check', '07840258824', '--lead', id);
  expect(stdout).toMatch(
    /^MOBILE +TYPE +SOURCE +OBJECTED +ENTERED +KEY +REASON *\n\+447840258823 +\(all\) +operator +2026-11-01T00:00:00Z /,
  );
  expect(stderr).toBe('1 of 2 numbers are not in the list.\n');
  expect((await leads('suppression', 'check', '07840258824')).stdout).toBe(
    'None of the numbers is in the do-not-call list.\n',
  );
  expect(await leads('suppression', 'check')).toMatchObject({ code: 1 });
});

test('reports that the imported list of a registry is outdated, and that no time remains at the end', async () => {
  const { leads } = await withLead();
  const file = fileWith('mobile\n07840258824\n');
  const importOf = (day: string) => leads('suppression', 'import', file, '--registry', 'tps', '--date', day);
  expect((await importOf('2026-01-02')).stderr).toContain(
    'The list is older than 28d, so leads of types that require the registry still wait. Import a current list.',
  );
  expect((await importOf(new Date().toISOString().slice(0, 10))).stderr).not.toContain('older');
  expect(['NULL', 'INF', '0'].map((unknown) => formatTime(unknown, {}, 5))).toEqual(['0s', '?', '?']);
});

test('imports a file, reports invalid lines by their numbers, and can be repeated', async () => {
  const { leads } = await withLead();
  const file = fileWith(
    '\ufeffPhone,Type,Reason,objected_at\r\n07840258823,,"a, ""b""\nc",2026-01-02\r\n\r\n12345\r\n07840258824,nope\r\n07840258825,motor,,2099-01-01\r\n 07840258826 ,motor\r\n',
  );
  const { code, stdout, stderr } = await leads(
    'suppression',
    'import',
    file,
    '--list',
    'old',
    '--reason',
    'import',
    '--json',
  );
  expect(code).toBe(1);
  expect(lines({ code, stdout, stderr })).toEqual([
    {
      list: 'old',
      registry: null,
      date: null,
      lines: 5,
      added: 2,
      suppressed_leads: 1,
      withdrawn_leads: 0,
      invalid_lines: [5, 6, 7],
      invalid: 3,
    },
  ]);
  expect(stderr).toContain(
    '3 lines were not imported: line 5 (not a valid phone number), line 6 (unknown lead type), line 7 (objected_at is not a time in the past).',
  );
  expect(lines(await leads('suppression', 'list', '--json'))).toMatchObject([
    {
      mobile: '+447840258823',
      type: null,
      source: 'import',
      source_id: 'old',
      reason: 'a, "b"\nc',
      objected_at: '2026-01-02T00:00:00Z',
    },
    { mobile: '+447840258826', type: 'motor', reason: 'import' },
  ]);
  expect(lines(await leads('suppression', 'import', file, '--list', 'old', '--json'))).toMatchObject([
    { added: 0 },
  ]);
  expect(lines(await leads('suppression', 'count', '--json'))).toEqual([
    { source: 'import', source_id: 'old', entries: 2 },
  ]);
});

test.each([
  ['a,b\n1,2\n', 'The first line must be a header with a column `mobile`'],
  ['mobile\n"07840258823\n', 'The file is not valid CSV'],
])('refuses a file that is not such a list: %j', async (text, message) => {
  const { leads } = await withLead();
  const { code, stderr } = await leads('suppression', 'import', fileWith(text));
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
  expect((await leads('suppression', 'count')).stdout).toBe('The do-not-call list is empty.\n');
});

test('imports what it has exported, in many batches', async () => {
  const { leads, leadsWith } = await withLead();
  const numbers = Array.from({ length: 4_500 }, (_, index) => mobileOf(index));
  await leadsWith(`mobile\n${numbers.join('\n')}\n`, 'suppression', 'import', '-', '--list', 'many');
  const { stdout } = await leads('suppression', 'export');
  const copy = storeWithCli();
  await (await seeded(copy.open())).store.close();
  const imported = await copy.leadsWith(stdout, 'suppression', 'import', '-', '--list', 'many', '--json');
  expect(lines(imported)).toMatchObject([{ lines: 4_500, added: 4_500, invalid: 0 }]);
});

test('reports the delivered leads with the number as the other phone number that were not found to withdraw', async () => {
  const { leads, open } = storeWithCli();
  const { store, first, from } = await seeded(open());
  await store.submit(from(first.id, { content: '{"other_phone":"020 7946 0958"}' }));
  await deliverDue(store);
  const [lead] = await leadsIn(store);
  await store.appendEvidence({ key: undefined, parsePhone: () => '+442079460958', limit: 10 });
  await store.close();
  expect((await leads('suppression', 'check', '02079460958')).stderr).not.toContain('The dialler may have');
  await leads('suppression', 'add', '02079460958');
  expect((await leads('suppression', 'check', '02079460958')).stderr).toContain(
    `The dialler may have +442079460958 as the other phone number of lead ${lead?.id}`,
  );
  // The objection of its own person withdraws the lead.
  await leads('suppression', 'add', '07840258823');
  expect((await leads('suppression', 'check', '02079460958', '07840258823')).stderr).toBe('');
});

test('undoes everything that a partner has sent, with its leads, after a confirmation', async () => {
  const { leads, open, id } = await withLead();
  const store = open();
  const objection = {
    partner: 'first',
    keyId: 'stolen',
    mobile: '+447840258823',
    type: undefined,
    reason: undefined,
    receivedAt: 1,
  };
  await store.recordObjection(objection, { max: 1, since: 0 });
  await store.close();
  expect(lines(await leads('suppression', 'list', '--json'))).toMatchObject([{ key_id: 'stolen' }]);
  expect((await leads('suppression', 'list', '--wide')).stdout).toMatch(/KEY .*\n.* stolen/);
  const undo = ['suppression', 'remove', '--partner', 'first', '--restore-leads'];
  expect(await leads(...undo)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('so nothing was changed'),
  });
  const { stdout } = await leads(...undo, '--yes');
  expect(stdout).toBe('Removed 1 entry. Scheduled 1 lead again.\n');
  expect(lines(await leads('lead', 'list', '--json'))).toMatchObject([{ id, state: 'scheduled' }]);
  expect((await leads('lead', 'show', id)).stdout).toContain('unsuppressed');
  const audited = lines(await leads('audit', 'list', '--json')) as { command: string }[];
  expect(audited.map(({ command }) => command)).toContain('suppression remove');
});

test('removes the entries of numbers, and demands either numbers or an origin', async () => {
  const { leads, leadsWith } = await withLead();
  await leads('suppression', 'add', '07840258823');
  expect(lines(await leadsWith('07840258823\n', 'suppression', 'remove', '-', '--yes', '--json'))).toEqual([
    { removed: 1, scheduled_leads: [] },
  ]);
  for (const words of [[], ['07840258823', '--list', 'old']]) {
    expect(await leads('suppression', 'remove', ...words, '--yes')).toMatchObject({ code: 1 });
  }
});

test('reads only the numbers of a list of a registry, which is not replaced if the file is not CSV', async () => {
  const { leadsWith } = await withLead();
  const importList = (csv: string, day: string) =>
    leadsWith(csv, 'suppression', 'import', '-', '--registry', 'tps', '--date', day, '--json');
  const file =
    'Number,Type,Objected_At\n07840258824,residential,2099-01-01\n07840258825,corporate,soon\n1,,\n';
  const imported = await importList(file, '2026-11-01');
  expect(lines(imported)).toMatchObject([{ lines: 3, added: 2, invalid_lines: [4] }]);
  expect(imported.stderr).toContain(
    'line 4 (not a valid phone number). Correct them and import the file again',
  );
  const { stderr } = await importList('number\n07840258824\n"0784\n', '2026-11-02');
  expect(stderr).toMatch(/^The file is not valid CSV: .* The list of registry "tps" is not replaced\.$/m);
});

test('refuses a much shorter list of a registry, unless that is allowed', async () => {
  const { leadsWith } = await withLead();
  const importList = (count: number, ...options: string[]) => {
    const numbers = Array.from({ length: count }, (_, index) => mobileOf(index));
    const list = ['--registry', 'tps', '--date', '2026-11-01', ...options];
    return leadsWith(`mobile\n${numbers.join('\n')}\n`, 'suppression', 'import', '-', ...list);
  };
  expect(await importList(10)).toMatchObject({ code: 0 });
  expect(await importList(7)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      'The file contains 7 valid numbers, and the list of registry "tps" in force has 10',
    ),
  });
  expect(await importList(8)).toMatchObject({ code: 0 });
  expect(await importList(1, '--allow-shorter')).toMatchObject({ code: 0 });
});
