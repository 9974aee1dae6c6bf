/** Operators withdraw leads from the dialler, and end withdrawals by hand. */
import { expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { executeCli } from '../harness/cli.ts';
import { deliverDue, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest, seeded } from '../store/stores.ts';

/** A store with a dialled lead, and a function that runs a command on it. */
async function dialled() {
  const url = `sqlite:${temporaryDirectory()}/leads.db`;
  const { store, first, from } = await seeded(closeAfterTest(await openStore(url)));
  await store.submit(from(first.id));
  await deliverDue(store);
  const [lead] = await leadsIn(store);
  const run = (...words: string[]) => executeCli(words, { DATABASE_URL: url });
  return { store, id: lead?.id ?? '', run };
}

test('type add, edit and list show whether a type withdraws leads', async () => {
  const { run } = await dialled();
  const edited = await run('type', 'edit', 'motor', '--withdraw', 'on');
  expect(edited.stdout).toBe(
    'Cancelling leads of type "motor" that the dialler has withdraws them from it, if the dialler can do so. Before: off.\n',
  );
  await run('type', 'add', 'home', '--withdraw', 'on', '--always');
  await run('type', 'add', 'pet', '--always');
  const listed = (await run('type', 'list', '--json')).stdout.trim().split('\n');
  const withdraws = listed.map((line) => JSON.parse(line)).map((type) => [type.name, type.withdraws]);
  expect(withdraws).toEqual([
    ['home', true],
    ['motor', true],
    ['pet', false],
  ]);
  expect((await run('type', 'edit', 'motor', '--withdraw', 'maybe')).code).not.toBe(0);
});

test('lead cancel withdraws a delivered lead only if its type does, or with --withdraw', async () => {
  const { store, id, run } = await dialled();
  const refused = await run('lead', 'cancel', id, '--yes');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('pass --withdraw')]);
  const cancelled = await run('lead', 'cancel', id, '--yes', '--withdraw');
  expect(cancelled.stdout).toContain(`Lead ${id} is being withdrawn from the dialler.`);
  expect(await store.withdrawalStats()).toMatchObject({ open: 1 });
});

test('lists withdrawals, shows them with their person, and records how they ended', async () => {
  const { store, id, run } = await dialled();
  await run('lead', 'cancel', id, '--yes', '--withdraw');
  expect((await run('withdrawal', 'list')).stdout).toMatch(
    new RegExp(`^LEAD +STATE +CAUSE .*\n${id} +open +cancellation `),
  );
  await store.claimWithdrawals({ claim: 'test', limit: 1, lease: 1_000 });
  const attempt = { leadId: id, endedAt: Date.now(), outcome: 'unavailable', response: 'HTTP 503' } as const;
  await store.recordWithdrawal('test', attempt, undefined);
  expect(JSON.parse((await run('withdrawal', 'list', '--json')).stdout)).toMatchObject({
    id,
    outcome: 'failed',
    response: 'HTTP 503',
    attempts: 1,
  });
  const shown = (await run('lead', 'show', id)).stdout;
  expect(shown).toMatch(/withdrawal +requested .*because of a cancellation/);
  expect(shown).toMatch(/withdrawal +failed .*HTTP 503 \(1 attempt\)/);
  const retried = await run('withdrawal', 'retry', id);
  expect(retried.stdout).toBe(
    `The withdrawal of lead ${id} is due now. Run \`leads withdrawal list\` to see the result.\n`,
  );
  expect(await store.withdrawalOf(id)).toMatchObject({ outcome: null, attempts: 0 });
  expect((await run('withdrawal', 'resolve', id)).stderr).toContain(
    'Specify either --withdrawn or --too-late.',
  );
  const resolved = await run('withdrawal', 'resolve', id, '--withdrawn');
  expect(resolved.stdout).toBe(`Lead ${id} is withdrawn. The person will not be called for it.\n`);
  expect((await leadsIn(store))[0]?.state).toBe('cancelled');
  expect((await run('withdrawal', 'list')).stdout).toContain('There are no matching withdrawals.');
  expect((await run('withdrawal', 'resolve', id, '--too-late')).stderr).toContain('has ended (withdrawn)');
});
