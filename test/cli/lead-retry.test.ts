/** Operators see when a lead is sent next, and send leads that wait for a retry now. */
import { expect, test } from 'vitest';
import { lines, storeWithCli } from '../harness/cli.ts';
import { claim, record } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

const hour = 3_600_000;

/** Creates a store with three leads: two wait for a retry, and one is due later. Returns the ids of the two. */
async function afterOutage() {
  const cli = storeWithCli();
  await cli.leads('partner', 'list');
  const { store, first, from } = await seeded(Promise.resolve(cli.open()));
  for (const mobile of ['+447840258823', '+447840258824']) await store.submit(from(first.id, { mobile }));
  await store.submit(from(first.id, { mobile: '+447840258825', delays: 3_600 }));
  const next = Date.now() + hour;
  const claimed = await claim(store, 'test');
  for (const { id } of claimed) await record(store, 'test', id, 'unavailable', next);
  await store.close();
  return { ...cli, ids: claimed.map(({ id }) => id), next };
}

test('a list and the person show the time of the next attempt', async () => {
  const { leads, ids, next } = await afterOutage();
  const expected = new Date(next).toISOString().replace(/\.\d+Z$/, 'Z');
  const waiting = lines(await leads('lead', 'list', '--waiting', '--json'));
  expect(waiting).toMatchObject([{ next_attempt_at: expected }, { next_attempt_at: expected }]);
  expect((await leads('lead', 'list', '--waiting')).stdout).toContain(expected);
  const [person] = lines(await leads('lead', 'show', ids[0] ?? '', '--json'));
  expect(person).toMatchObject({ leads: [{ id: ids[0], next_attempt_at: expected }] });
});

test('one pipeline sends all leads that wait for a retry, and no lead that is not due', async () => {
  const { leads, leadsWith, ids } = await afterOutage();
  const { stdout } = await leads('lead', 'list', '--waiting', '--json');
  const retried = await leadsWith(stdout, 'lead', 'retry', '-', '--json');
  expect(retried.code).toBe(0);
  expect(lines(retried)).toHaveLength(2);
  expect((await leads('lead', 'list', '--waiting')).stdout).toBe('There are no matching leads.\n');
  const due = lines(await leads('due', '--json')).map((lead) => (lead as { id: string }).id);
  expect(due.toSorted()).toEqual(ids.toSorted());
});

test('a lead that is not due is sent only with --early', async () => {
  const { leads } = await afterOutage();
  const [delayed] = lines(await leads('lead', 'list', '--json')) as { id: string }[];
  const refused = await leads('lead', 'retry', delayed?.id ?? '');
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(/is not due before .*Z\. To send it now nevertheless, pass --early\./);
  expect((await leads('lead', 'retry', delayed?.id ?? '', '--early')).stdout).toContain('is due now.');
});
