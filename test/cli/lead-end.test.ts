/** `leads lead cancel` and `leads lead dismiss`, and what `leads lead show` lists of them. */
import { spawnSync } from 'node:child_process';
import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createContext, execute } from '../../src/cli/program.ts';
import type { Store } from '../../src/store/store.ts';
import { lines, storeWithCli } from '../harness/cli.ts';
import { mobileOf } from '../harness/mobile.ts';
import { skipWithout } from '../harness/process.ts';
import { claim, deliverDue, leadsIn, record } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

/** Creates a store with one failed lead for each person, and commands on it. */
async function withFailedLeads(people: number, recontactAfter: number | null = null) {
  const cli = storeWithCli();
  const { store, first, from } = await seeded(cli.open(), recontactAfter);
  const add = (index: number) => store.submit(from(first.id, { mobile: mobileOf(index) }));
  for (let index = 0; index < people; index += 1) await add(index);
  await deliverDue(store, 'rejected');
  const ids = (await leadsIn(store)).map(({ id }) => id).toReversed();
  const use = async (change: (store: Store) => Promise<unknown>) => {
    const opened = cli.open();
    await change(opened);
    await opened.close();
  };
  return { ...cli, store, add, ids, use };
}

test('dismisses failed leads, reports each, and shows the action in the timeline', async () => {
  const { leads, store, ids, add } = await withFailedLeads(2);
  await add(1);
  const [again] = await leadsIn(store);
  await store.close();
  const [id = '', other = ''] = ids;
  expect(await leads('lead', 'dismiss', id, 'nothing', other)).toEqual({
    code: 1,
    stdout: [
      `Lead ${id} is dismissed. The person can be added again.`,
      `Lead ${other} is dismissed. The person cannot be added again yet: lead ${again?.id} is scheduled.`,
      '',
    ].join('\n'),
    stderr: 'Lead "nothing" does not exist. Run `leads lead list`.\n',
  });
  expect((await leads('lead', 'list', '--state', 'failed')).stdout).toBe('There are no matching leads.\n');
  expect((await leads('lead', 'show', id)).stdout).toMatch(
    new RegExp(`operator +dismissed +${id} +will not be retried\n`),
  );
  const [person] = lines(await leads('lead', 'show', id, '--json'));
  expect(person).toMatchObject({
    actions: [{ lead_id: id, action: 'dismissed', acted_at: expect.stringMatching(/Z$/) }],
  });
  expect((await leads('lead', 'retry', id)).stdout).toBe(`Lead ${id} is due now.\n`);
  expect((await leads('lead', 'dismiss', id)).stderr).toBe(
    `Lead ${id} is scheduled. Only failed leads can be dismissed.\n`,
  );
});

test.each([
  [
    null,
    3_600_000,
    /^Lead \w+ is dismissed\. The person cannot be added again: lead \w+ was dialled, and its type/,
  ],
  [
    7_200_000,
    3_600_000,
    /^Lead \w+ is dismissed\. The person can be added again from 20.*Z, when the re-contact/,
  ],
  [
    1_000,
    3_600_000,
    /^Lead \w+ is dismissed\. The person can be added again: the re-contact period of lead \w+ has ended/,
  ],
])(
  'reports a re-contact period of %s ms for a person who was dialled %s ms ago',
  async (period, ago, sentence) => {
    const { leads, store, ids, add } = await withFailedLeads(1, period);
    await add(0);
    const [again] = await claim(store, 'test');
    const endedAt = Date.now() - ago;
    const attempt = {
      leadId: again?.id ?? '',
      startedAt: endedAt,
      endedAt,
      outcome: 'delivered',
      response: '',
    } as const;
    await store.recordAttempt('test', attempt, undefined);
    await store.close();
    const [id = ''] = ids;
    expect((await leads('lead', 'dismiss', id)).stdout).toMatch(sentence);
    const json = await leads('lead', 'cancel', id, '--yes', '--json');
    expect(lines(json)).toEqual([
      {
        id,
        state: 'cancelled',
        can_be_added_again: period === 1_000,
        active_lead_id: again?.id,
        can_be_added_from:
          period === null ? null : new Date(endedAt + period).toISOString().replace(/\.\d+Z$/, 'Z'),
      },
    ]);
  },
);

test('does not dismiss an undecided lead, and names the command that resolves it', async () => {
  const { leads, store, add } = await withFailedLeads(0);
  await add(0);
  const [lead] = await claim(store, 'test');
  await record(store, 'test', lead?.id ?? '', 'unknown');
  await store.close();
  const id = lead?.id ?? '';
  expect((await leads('lead', 'dismiss', id)).stderr).toBe(
    `Lead ${id} cannot be dismissed: the dialler may have it. Look it up there, then run \`leads lead resolve ${id}\` with --delivered or --not-delivered. After --not-delivered, it can be dismissed.\n`,
  );
  await leads('lead', 'resolve', id, '--not-delivered');
  expect((await leads('lead', 'dismiss', id)).code).toBe(0);
});

test('cancels leads only after confirmation, all ids in standard input together', async () => {
  const { leadsWith, leads, store, ids } = await withFailedLeads(3);
  await store.close();
  const list = ids.slice(1).join('\n');
  expect(await leadsWith(list, 'lead', 'cancel', '-')).toEqual({
    code: 1,
    stdout: '',
    stderr:
      '2 leads will be cancelled and not called, and cancelled leads cannot be restored. Standard input contains the ids, and there is no terminal to ask for confirmation, so nothing was changed. Pass --yes to confirm.\n',
  });
  expect((await leadsWith(list, 'lead', 'cancel', '-', '--yes')).stdout).toBe(
    ids
      .slice(1)
      .map((id) => `Lead ${id} is cancelled. The person can be added again.\n`)
      .join(''),
  );
  const states = lines(await leads('lead', 'list', '--json')) as { state: string }[];
  expect(states.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'failed']);
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  terminal.end('y\n');
  const [id = ''] = ids;
  const confirmed = await leadsWith(terminal, 'lead', 'cancel', id);
  expect(confirmed.stderr).toContain(`Lead ${id} will be cancelled and not called`);
  expect(confirmed.stdout).toBe(`Lead ${id} is cancelled. The person can be added again.\n`);
  expect((await leads('lead', 'show', id)).stdout).toMatch(/operator +cancelled /);
});

test('asks in the terminal of the process if standard input contains the ids', async () => {
  const { file, leads, store, ids } = await withFailedLeads(2);
  await store.close();
  for (const [answer, states] of [
    ['n', ['failed', 'failed']],
    ['y', ['cancelled', 'cancelled']],
  ] as const) {
    const input = Object.assign(Readable.from([`${answer}\n`]), { isTTY: true });
    const context = createContext(() => ({ DATABASE_URL: `sqlite:${file}` }), {
      input: Readable.from([ids.join('\n')]),
      out: new PassThrough(),
      err: new PassThrough(),
      openTerminal: () => ({ input, err: new PassThrough() }),
    });
    expect(await execute(['lead', 'cancel', '-'], context)).toBe(answer === 'y' ? 0 : 1);
    expect(input.destroyed).toBe(true);
    const listed = lines(await leads('lead', 'list', '--json')) as { state: string }[];
    expect(listed.map(({ state }) => state)).toEqual(states);
  }
});

test('asks in a real terminal for ids from a pipe', async (context) => {
  skipWithout(context, ['script', '--version']);
  const { file, leads, store, ids } = await withFailedLeads(1);
  await store.close();
  const command = `echo ${ids[0]} | ${process.execPath} src/cli.ts lead cancel -`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], DATABASE_URL: `sqlite:${file}` },
    input: 'y\n',
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(stdout).toContain(`Lead ${ids[0]} will be cancelled and not called`);
  expect(stdout).toContain(`Lead ${ids[0]} is cancelled. The person can be added again.`);
  expect(lines(await leads('lead', 'list', '--json'))).toMatchObject([{ state: 'cancelled' }]);
});

test('announces only the leads that can be cancelled, and asks nothing if there are none', async () => {
  const { leads, leadsWith, store, ids } = await withFailedLeads(3);
  await store.close();
  const [id = ''] = ids;
  await leads('lead', 'cancel', id, '--yes');
  const announced = await leads('lead', 'cancel', ...ids);
  expect(announced.stderr).toMatch(/^2 of 3 leads will be cancelled and not called/);
  const already = `Lead ${id} was already cancelled. Nothing was changed.\n`;
  expect(await leads('lead', 'cancel', id, 'nothing')).toEqual({
    code: 1,
    stdout: '',
    stderr: `${already}Lead "nothing" does not exist. Run \`leads lead list\`.\n`,
  });
  expect(await leadsWith(id, 'lead', 'cancel', '-')).toEqual({ code: 1, stdout: '', stderr: already });
  const [, other = ''] = ids;
  await leads('lead', 'dismiss', other);
  expect((await leads('lead', 'dismiss', other)).stderr).toBe(
    `Lead ${other} was already dismissed. Nothing was changed.\n`,
  );
});

test('reports a table in standard input in one sentence, without what it contains', async () => {
  const { leads, leadsWith, store } = await withFailedLeads(2);
  await store.close();
  const table = 'This is a table: add --json to the command that prints the list. Nothing was changed.\n';
  const noId =
    'A line of standard input is neither an id nor JSON. Pass one id per line, or the output of a list with --json. Nothing was changed.\n';
  for (const [list, stderr] of [
    [['lead', 'list'], table],
    [['submission', 'list'], table],
    [['lead', 'list', '--state', 'held'], noId],
  ] as const) {
    const { stdout } = await leads(...list);
    expect(await leadsWith(stdout, 'lead', 'cancel', '-', '--yes')).toEqual({ code: 1, stdout: '', stderr });
  }
  expect(lines(await leads('lead', 'list', '--json'))).toMatchObject([
    { state: 'failed' },
    { state: 'failed' },
  ]);
});

test.each([
  ['lead', 'retry'],
  ['lead', 'resolve', '--delivered'],
  ['lead', 'cancel'],
  ['lead', 'dismiss'],
  ['submission', 'rerun'],
])('leads %s %s accepts an empty list of ids', async (...words) => {
  const { leadsWith } = storeWithCli();
  const sentence = 'Standard input contains no ids. Nothing was changed.\n';
  expect(await leadsWith('\n', ...words, '-')).toEqual({ code: 0, stdout: sentence, stderr: '' });
  expect(await leadsWith('', ...words, '-', '--json')).toEqual({ code: 0, stdout: '', stderr: '' });
});
