/** What an operator does with the leads of a restored backup. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { markRestored } from '../../src/store/held-leads.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { executeCli } from '../harness/cli.ts';
import { mobileOf } from '../harness/mobile.ts';
import { cancel, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/**
 * Creates a store with held leads, of which the dialler may have all but the last; and a function that runs commands.
 */
async function heldLeads(count: number) {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, from } = await seeded(openSqliteStore(file));
  for (let person = 1; person <= count; person += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(person), delays: person === count ? 3_600 : 0 }));
  }
  await markRestored(store, { backup: 'copy.db', restoredAt: Date.now() + 1_000 });
  const ids = (await leadsIn(store)).map(({ id }) => id).toSorted();
  await store.close();
  const cancelFor = async (person: number) => {
    const reopened = openSqliteStore(file);
    await cancel(reopened, { partnerId: first.id, type: 'motor', mobile: mobileOf(person) });
    await reopened.close();
  };
  const leads = (words: string[], input?: string) =>
    executeCli(['lead', ...words], { DATABASE_URL: `sqlite:${file}` }, input);
  const delivery = (...words: string[]) =>
    executeCli(['delivery', ...words], { DATABASE_URL: `sqlite:${file}` });
  return { ids, leads, delivery, cancelFor };
}

/** Parses one JSON value per line. */
function lines({ stdout }: { stdout: string }): unknown[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test('lists held leads with what an operator compares with the dialler’s list', async () => {
  const { ids, leads } = await heldLeads(2);
  const listed = await leads(['list', '--state', 'held']);
  expect(listed.stdout).toMatch(/^ID +DUE +DIALLER +PARTNER +TYPE +MOBILE +ACCEPTED\n/);
  expect(listed.stdout).toMatch(new RegExp(`\n${ids[0]} .* may have it +first +motor `));
  expect(listed.stdout).toMatch(new RegExp(`\n${ids[1]} .* does not have it +first +motor `));
  expect(lines(await leads(['list', '--state', 'held', '--json']))).toMatchObject([
    { id: ids[1], state: 'held', may_have_arrived: false },
    { id: ids[0], state: 'held', may_have_arrived: true },
  ]);
});

test('releases the held leads of a list, each with what the dialler may have', async () => {
  const { ids, leads } = await heldLeads(3);
  const released = await leads(['release', ids[0] ?? '', '-'], `${ids[2]}\n`);
  expect(released).toEqual({
    code: 0,
    stdout: `Lead ${ids[0]} is scheduled. The dialler may already have it under the same id.\nLead ${ids[2]} is scheduled.\n`,
    stderr: expect.stringMatching(
      /^Paused leads are not delivered until `leads delivery resume`: delivery of all lead types has been paused by the operator since .*\n$/,
    ),
  });
  expect(lines(await leads(['release', ids[1] ?? '', '--json']))).toEqual([
    { id: ids[1], state: 'scheduled', may_have_arrived: true, cancellations: [] },
  ]);
  const again = await leads(['release', ids[1] ?? '']);
  expect(again).toMatchObject({
    code: 1,
    stderr: `Lead ${ids[1]} is scheduled. Only held leads can be released; \`leads lead list --state held\` lists them.\n`,
  });
});

test('releases a held lead that its partner cancelled later only with --force', async () => {
  const { ids, leads, cancelFor } = await heldLeads(2);
  await cancelFor(1);
  const refused = await leads(['release', ids[0] ?? '']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('outcome: already-processed). Add --force to schedule it anyway.');
  const forced = await leads(['release', ids[0] ?? '', '--force']);
  expect(forced.code).toBe(0);
  expect(forced.stdout).toMatch(/\nCANCELLATIONS FOR /);
});

test('resolves held leads with the dialler’s list, and releases those that it does not have', async () => {
  const { ids, leads } = await heldLeads(2);
  expect((await leads(['resolve', ids[0] ?? '', '--delivered'])).stdout).toBe(
    `Lead ${ids[0]} is recorded as dialled now, because the time of its delivery is unknown.\n`,
  );
  const resolved = await leads(['resolve', ids[1] ?? '', '--not-delivered', '--json']);
  expect(lines(resolved)).toEqual([{ id: ids[1], state: 'held', undecided: false }]);
  expect((await leads(['release', '-'], resolved.stdout)).stdout).toBe(`Lead ${ids[1]} is scheduled.\n`);
});

test('lists the leads of the phone numbers in a list, in any notation, and reports the others', async () => {
  const { ids, leads } = await heldLeads(3);
  const national = (person: number) => mobileOf(person).replace('+44', '0');
  const listed = await leads(
    ['list', '--state', 'held', '--mobile', '-', '--json'],
    `${mobileOf(2)}\r\n${national(1)}\n\n${mobileOf(1)}\n${mobileOf(9)}\nphone\n`,
  );
  expect(lines(listed)).toMatchObject([{ id: ids[1] }, { id: ids[0] }]);
  expect(listed.code).toBe(1);
  expect(listed.stderr).toBe(
    '1 of 3 phone numbers have no matching lead.\n"phone" is not a valid phone number and was not searched. Write each as a national number, or with + and the country code.\n',
  );
  const resolved = await leads(['resolve', '--delivered', '-'], listed.stdout);
  expect(resolved).toMatchObject({ code: 0, stderr: '' });
  const both = await leads(['list', '--mobile', mobileOf(2), '--mobile', mobileOf(3), '--json']);
  expect(lines(both)).toMatchObject([
    { id: ids[1], state: 'dialled' },
    { id: ids[2], state: 'held' },
  ]);
  expect(both).toMatchObject({ code: 0, stderr: '' });
  const limited = await leads(
    ['list', '--mobile', '-', '--limit', '1', '--json'],
    `${mobileOf(2)}\n${mobileOf(3)}`,
  );
  expect(lines(limited)).toMatchObject([{ id: ids[1] }]);
});

test('resumes delivery after a restore only if the operator confirms that the leads were reviewed', async () => {
  const { leads, delivery } = await heldLeads(2);
  await leads(['release', '-'], (await leads(['list', '--state', 'held', '--limit', '1', '--json'])).stdout);
  const asked = await delivery('resume');
  expect(asked).toMatchObject({ code: 1, stdout: '' });
  expect(asked.stderr).toMatch(
    /^Restored from copy\.db at \S+Z\. Before you resume .* 1 scheduled lead would be delivered when due, and 1 would stay held\. .* Pass --yes to confirm\.\n$/,
  );
  const pausedAgain = await delivery('pause', '--reason', 'Waiting for acme');
  expect(pausedAgain.stderr).toMatch(
    /^The pause of the restore remains: Restored from copy\.db at .* Paused again: Waiting for acme\.\n$/,
  );
  expect((await delivery('resume')).stderr).toMatch(
    /^Restored from copy\.db at .* Paused again: Waiting for acme\. 1 scheduled lead would be delivered/,
  );
  expect((await delivery('list')).stdout).toContain('Restored from copy.db');
  expect((await delivery('resume', '--yes')).stdout).toBe('Resumed delivery of all lead types.\n');
  await delivery('pause', '--reason', 'Maintenance.');
  expect((await delivery('resume')).code).toBe(0);
});
