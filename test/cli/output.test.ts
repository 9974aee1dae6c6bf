/** Partners' text reaches an operator's terminal without characters that a terminal interprets or hides. */
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import type { CommandContext } from '../../src/cli/context.ts';
import { deliveryCommand } from '../../src/cli/delivery.ts';
import { dueCommand } from '../../src/cli/due.ts';
import { keyCommand } from '../../src/cli/key.ts';
import { leadCommand } from '../../src/cli/lead.ts';
import { partnerCommand } from '../../src/cli/partner.ts';
import { submissionCommand } from '../../src/cli/submission.ts';
import { typeCommand } from '../../src/cli/type.ts';
import { formatScreen } from '../../src/cli/watch-screen.ts';
import { ActivityHistory, formatLine } from '../../src/cli/watch-view.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { defaultPhonePolicy } from '../../src/leads/phone-policy.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { run } from '../harness/process.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';
import { emptyActivity, emptyLeadStats } from './watched-store.ts';

const dangerous = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const hostile = 'x\u001b[2J\u0007\n\u007f\u0085\u009b\u00ad\u200b\u202e\u2066\u2028\ufeff\u3164\u{e0001}y';
const escaped =
  'x\\u001b[2J\\u0007\\u000a\\u007f\\u0085\\u009b\\u00ad\\u200b\\u202e\\u2066\\u2028\\ufeff\\u3164\\u{e0001}y';

/** Creates a store in which every name and value is hostile, even names that the CLI would reject. */
async function hostileStore(): Promise<string> {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, from } = await seeded(openSqliteStore(file));
  await store.addType(hostile, null);
  const partner = await store.addPartner(hostile, [hostile]);
  await store.addKey(hostile, 'key', 'digest');
  const content = JSON.stringify({ first_name: hostile, surname: hostile });
  await store.submit(from(partner.id, { type: hostile, content }));
  await store.pauseDelivery({ type: 'motor', by: 'operator', reason: hostile });
  await store.close();
  return file;
}

/** Runs a command in this process and returns its output. */
async function outputOf(file: string, command: (context: CommandContext) => Command, words: string[]) {
  const out = new PassThrough();
  const open = async () => ({
    store: openSqliteStore(file),
    parsePhone: phoneParsers('GB').parse,
    defaultCountry: 'GB' as const,
    phonePolicy: defaultPhonePolicy,
    dialWithin: undefined,
    callsPerDay: undefined,
    evidenceRetention: undefined,
    screening: undefined,
    sendEvent: () => Promise.reject(new Error('not used')),
    storeKeys: async () =>
      ({ place: 'STORE_KEY_FILE', recorded: [], keys: undefined, problem: 'The store has no key.' }) as const,
  });
  const openUrl = async () => openSqliteStore(file);
  const all = text(out);
  const configuredUrl = async () => `sqlite:${file}`;
  const storeUrl = (argument: string) => argument;
  await command({
    erasureTools: () => Promise.reject(new Error('not used')),
    openTestData: async () => undefined,
    createTestData: async () => {},
    operator: () => ({ operator: 'alice', host: 'localhost' }),
    commandName: 'leads',
    openTerminal: () => undefined,
    open,
    storeUrl,
    configuredUrl,
    results: async () => undefined,
    dialler: async () => undefined,
    openUrl,
    input: Readable.from([]),
    out,
    err: new PassThrough(),
  }).parseAsync(words, {
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
  ['delivery', ['list'], deliveryCommand],
])('%s %o escapes unprintable characters, in a table and in JSON', async (_, words, command) => {
  const file = await hostileStore();
  const table = await outputOf(file, command, words);
  expect(table).toContain(escaped);
  expect(table.replaceAll('\n', '')).not.toMatch(dangerous);
  const json = await outputOf(file, command, [...words, '--json']);
  expect(json.replaceAll('\n', '')).not.toMatch(dangerous);
  const values = json
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(JSON.stringify(values)).toContain(JSON.stringify(hostile).slice(1, -1));
});

test.each([
  ['a message', ['partner', 'grant', hostile, 'motor'], 'stdout'],
  ['an error', ['key', 'list', `${hostile} is not there`], 'stderr'],
  ['an unknown command', [hostile], 'stderr'],
] as const)('%s escapes unprintable characters', async (_, words, stream) => {
  const environment = { DATABASE_URL: `sqlite:${await hostileStore()}` };
  const { [stream]: output } = await run('src/cli.ts', [...words], environment);
  expect(output).toContain('\\u202e');
  expect(output.replaceAll('\n', '')).not.toMatch(dangerous);
});

test('`leads watch` escapes unprintable characters, on a screen and in a line', () => {
  const history = new ActivityHistory();
  const activity = {
    ...emptyActivity,
    submissions: [{ partner: hostile, outcome: 'accepted' as const, count: 1 }],
    failures: [{ id: 1, leadId: 'lead', endedAt: 0, outcome: 'rejected' as const, response: hostile }],
  };
  const pause = { type: hostile, by: 'operator', reason: hostile, since: 0 } as const;
  history.add(activity, emptyLeadStats, [pause], 0, false);
  const screen = formatScreen(history);
  // The partner, the response, and the type and reason of the pause.
  expect(screen.split(escaped)).toHaveLength(5);
  expect(formatLine(history)).toContain(escaped);
  for (const text of [screen, formatLine(history)]) expect(text.replaceAll('\n', '')).not.toMatch(dangerous);
});
