/** What partners send reaches the operator's terminal as text, never as something that a terminal obeys. */
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { dueCommand } from '../../src/cli/due.ts';
import { keyCommand } from '../../src/cli/key.ts';
import { leadCommand } from '../../src/cli/lead.ts';
import { partnerCommand } from '../../src/cli/partner.ts';
import type { CommandContext } from '../../src/cli/session.ts';
import { submissionCommand } from '../../src/cli/submission.ts';
import { typeCommand } from '../../src/cli/type.ts';
import { asLine, asScreen, History } from '../../src/cli/watch-view.ts';
import { phoneParser } from '../../src/leads/phone.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { countsByState } from '../../src/store/watch.ts';
import { run } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { furnished } from '../store/stores.ts';

const dangerous = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const nasty = 'x\u001b[2J\u0007\n\u007f\u0085\u009b\u00ad\u200b\u202e\u2066\u2028\ufeff\u3164\u{e0001}y';
const shown =
  'x\\u001b[2J\\u0007\\u000a\\u007f\\u0085\\u009b\\u00ad\\u200b\\u202e\\u2066\\u2028\\ufeff\\u3164\\u{e0001}y';

/** A store in which every text that somebody chose is nasty: it takes names that the command would refuse. */
async function nastyStore(): Promise<string> {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, from } = await furnished(openSqliteStore(file));
  await store.addType(nasty, null);
  const partner = await store.addPartner(nasty, [nasty]);
  await store.addKey(nasty, 'key', 'digest');
  const content = JSON.stringify({ first_name: nasty, surname: nasty });
  await store.submit(from(partner.id, { type: nasty, content }));
  await store.close();
  return file;
}

/** What a command prints, run in this process. */
async function printed(file: string, command: (context: CommandContext) => Command, words: string[]) {
  const out = new PassThrough();
  const open = async () => ({
    store: openSqliteStore(file),
    parsePhone: phoneParser('GB'),
    dialWithin: undefined,
  });
  const openUrl = async () => openSqliteStore(file);
  const all = text(out);
  const repair = async () => {};
  const storeUrl = (argument: string) => argument;
  await command({ open, storeUrl, openUrl, repair, out, err: new PassThrough() }).parseAsync(words, {
    from: 'user',
  });
  out.end();
  return all;
}

test.each<[string, string[], (context: CommandContext) => Command]>([
  ['type', ['list'], typeCommand],
  ['partner', ['list'], partnerCommand],
  ['key', ['list'], keyCommand],
  ['lead', ['list'], leadCommand],
  ['lead', ['show', '07840258823'], leadCommand],
  ['submission', ['list'], submissionCommand],
  ['due', [], dueCommand],
])(
  '%s %o prints nothing that a terminal obeys or hides, and --json has the same value',
  async (_, words, command) => {
    const file = await nastyStore();
    const table = await printed(file, command, words);
    expect(table).toContain(shown);
    expect(table.replaceAll('\n', '')).not.toMatch(dangerous);
    const json = await printed(file, command, [...words, '--json']);
    expect(json.replaceAll('\n', '')).not.toMatch(dangerous);
    const values = json
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(JSON.stringify(values)).toContain(JSON.stringify(nasty).slice(1, -1));
  },
);

test.each([
  ['a sentence', ['partner', 'grant', nasty, 'motor'], 'stdout'],
  ['a mistake', ['key', 'list', `${nasty} is not there`], 'stderr'],
  ['a wrong command', [nasty], 'stderr'],
] as const)('%s has nothing that a terminal obeys or hides', async (_, words, stream) => {
  const environment = { DATABASE_URL: `sqlite:${await nastyStore()}` };
  const { [stream]: output } = await run('src/cli.ts', [...words], environment);
  expect(output).toContain('\\u202e');
  expect(output.replaceAll('\n', '')).not.toMatch(dangerous);
});

test('a screen and a line of a watch have nothing that a terminal obeys or hides', () => {
  const history = new History();
  const activity = {
    cursor: { submission: '', attemptId: 0 },
    submissions: [{ partner: nasty, outcome: 'accepted' as const, count: 1 }],
    attempts: [],
    failures: [{ leadId: 'lead', endedAt: 0, outcome: 'rejected' as const, response: nasty }],
  };
  const workload = {
    byState: countsByState([]),
    undecided: 0,
    due: 0,
    duePaused: 0,
    nextAttemptAt: undefined,
  };
  history.add(activity, workload, [{ type: nasty, by: 'operator', reason: nasty, since: 0 }], 0, false);
  const screen = asScreen(history);
  // The partner, the answer, and the type and reason of the pause.
  expect(screen.split(shown)).toHaveLength(5);
  expect(asLine(history)).toContain(shown);
  for (const text of [screen, asLine(history)]) expect(text.replaceAll('\n', '')).not.toMatch(dangerous);
});
