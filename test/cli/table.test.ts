/** The tables of the CLI can be read in a terminal of 80 columns, and row by row in a pipe. */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import stringWidth from 'string-width';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { formatTable, type TableView } from '../../src/cli/table.ts';
import { formatScreen } from '../../src/cli/watch-screen.ts';
import { ActivityHistory } from '../../src/cli/watch-view.ts';
import type { Dialler } from '../../src/delivery/dialler.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { defaultPhonePolicy } from '../../src/leads/phone-policy.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { skipWithout } from '../harness/process.ts';
import { cancel, claim, temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';
import { emptyActivity, emptyLeadStats } from './watched-store.ts';

/** The texts that operators, partners and diallers write. */
interface Texts {
  partner: string;
  type: string;
  surname: string;
  response: string;
  reason: string;
}

const realistic: Texts = {
  partner: 'compare-insurance',
  type: 'life-insurance',
  surname: 'Featherstonehaugh',
  response: 'add_lead INVALID PHONE NUMBER LENGTH',
  reason: 'The list is full until the morning shift starts.',
};
const longest: Texts = {
  partner: 'p'.repeat(64),
  type: '案件'.repeat(32),
  surname: 's'.repeat(100),
  response: 'no response '.repeat(83),
  reason: 'r'.repeat(500),
};

/** Creates a store in which every table has rows with these texts. */
async function storeWith({ partner, type, surname, response, reason }: Texts) {
  const file = join(temporaryDirectory(), 'leads.db');
  const { store, first, second, from } = await seeded(openSqliteStore(file));
  await store.addType(type, 90 * 86_400_000);
  const { id: partnerId } = await store.addPartner(partner, [type, 'motor']);
  await store.limitPartner(partner, { perSecond: 1_000, burst: 10_000 });
  await store.addKey(partner, '01k83s0kq3m4hn7c2v1a', 'digest');
  await store.revokeKey('01k83s0kq3m4hn7c2v1a');
  const content = JSON.stringify({ first_name: 'Johnathan', surname });
  await store.submit(from(partnerId, { type, content, mobile: '+447840258824' }));
  await store.holdScheduled(Date.now() + 1_000);
  const failed = from(partnerId, { type, content, mobile: '+4915112345678' });
  await store.submit(failed);
  const [lead] = await claim(store, 'test');
  const now = Date.now();
  const attempt = { startedAt: now - 90_000, endedAt: now, outcome: 'unknown', response } as const;
  await store.recordAttempt('test', { leadId: lead?.id ?? '', ...attempt }, undefined);
  const withdrawn = { partnerId, type, mobile: '+447840258825' };
  await store.submit(from(partnerId, { ...withdrawn, content }));
  const [delivered] = await claim(store, 'test');
  await store.recordAttempt(
    'test',
    { leadId: delivered?.id ?? '', ...attempt, outcome: 'delivered' },
    undefined,
  );
  await store.recordCallResult({
    ...{ leadId: delivered?.id ?? '', callId: 'V1231230431000000009', code: 'NI', result: 'not-interested' },
    ...{ calledAt: now, talkTime: 12_345, receivedAt: now, dialler: 'vicidial', types: undefined },
  });
  const salt = { salt: 'salt', keyId: 'key' };
  await store.setWebhook(partner, `https://hooks.example/${'path/'.repeat(20)}`, salt);
  await store.rotateWebhook(partner, { ...salt, salt: 'next' }, now + 1_000_000);
  const events = await store.partnerEvents({ partnerId, after: undefined, limit: 1 });
  await store.recordWebhookAttempts('claim', [
    {
      ...{ eventId: events?.events[0]?.id ?? '', startedAt: now, endedAt: now + 1_234, outcome: 'failed' },
      ...{
        response: 'the address is not public (WEBHOOK_ALLOW), or the URL is not https',
        nextAttemptAt: null,
      },
    },
  ]);
  await store.setWithdraws(type, true);
  await cancel(store, withdrawn);
  await store.setWithdraws(type, false);
  await store.addSuppressions([
    { mobile: '+447840258826', type, source: 'partner', sourceId: partner, reason, objectedAt: now },
  ]);
  await store.submit(from(partnerId, { type, content }));
  await store.submit(from(second.id, { type, content }));
  await store.grantType('second', type);
  const rerun = from(first.id, { type, content });
  await store.submit(rerun);
  await store.grantType('first', type);
  await store.rerunSubmission(rerun.id, false);
  await cancel(store, { partnerId, type, mobile: '+4915112345678' });
  await cancel(store, { partnerId: second.id, type, mobile: '+447840258823' });
  await store.pauseDelivery({ type: 'motor', by: 'operator', reason });
  await store.recordRejections([
    {
      partnerId,
      operation: 'leadStatus',
      outcome: 'transfer-coding-not-implemented',
      reason: 'The server does not implement this transfer coding. Use chunked only, or none.',
      day: Date.UTC(2026, 10, 23),
      count: 12_345_678,
      lastAt: Date.UTC(2026, 10, 23, 9),
      lastRequestId: '01938a2f-1a2b-7c3d-8e4f-5a6b7c8d9e0f',
    },
  ]);
  const suppression = { type, sourceId: partner, reason, objectedAt: 1 };
  await store.addSuppressions([{ ...suppression, mobile: '+447840258829', source: 'partner' }]);
  await store.setScreening('motor', { registries: ['ctps', 'tps'] });
  const list = await store.beginRegistryList('tps', Date.now(), undefined);
  await store.addToRegistryList(list, ['+447840258829']);
  await store.completeRegistryList(list);
  store.actAs({ operator: partner, host: 'h'.repeat(64), command: 'submission rerun' });
  await store.setSetting('ALLOWED_COUNTRIES', 'GB,'.repeat(245).slice(0, -1));
  await store.close();
  return { file, rerun, leadId: lead?.id ?? '' };
}

/** A dialler whose check finds a long type and a long text. */
const checkedDialler: Dialler = {
  name: 'test',
  deliver: () => Promise.reject(new Error('not used')),
  check: async ([type = '']) => [
    {
      subject: 'list 123456789012',
      type,
      result: 'unchecked',
      details: 'campaign and custom fields '.repeat(5),
    },
  ],
};

/** Runs a command in this process on an output that is a terminal of this width, or none. */
async function outputOf(
  file: string,
  words: readonly string[],
  columns: number | undefined,
): Promise<string> {
  const out = Object.assign(new PassThrough(), columns === undefined ? {} : { isTTY: true, columns });
  const all = text(out);
  const open = (name: string) => openSqliteStore(name);
  const program = createProgram({
    erasureTools: () => Promise.reject(new Error('not used')),
    openTestData: async () => undefined,
    createTestData: async () => {},
    operator: () => ({ operator: 'alice', host: 'localhost' }),
    commandName: 'leads',
    openTerminal: () => undefined,
    open: async () => ({
      store: open(file),
      parsePhone: phoneParsers('GB').parse,
      defaultCountry: 'GB' as const,
      phonePolicy: defaultPhonePolicy,
      dialWithin: undefined,
      callsPerDay: undefined,
      evidenceRetention: undefined,
      screening: undefined,
      sendEvent: () => Promise.reject(new Error('not used')),
      storeKeys: async () => ({
        place: 'STORE_KEY_FILE',
        recorded: [],
        keys: undefined,
        problem: 'The store has no key.',
      }),
    }),
    storeUrl: (argument) => argument,
    openUrl: async (url) => open(url.replace('sqlite:', '')),
    configuredUrl: async () => `sqlite:${file}`,
    results: async () => undefined,
    dialler: async () => checkedDialler,
    input: Readable.from([]),
    out,
    err: new PassThrough(),
  });
  await program.parseAsync(words, { from: 'user' });
  out.end();
  return all;
}

/** Returns a screen of `leads watch` with large numbers. */
function screenOf({ partner, type, response, reason }: Texts, width: number): string {
  const history = new ActivityHistory();
  const at = Date.now();
  const failure = {
    id: 1,
    leadId: '01k83s0kq3m4hn7c2v1a',
    endedAt: at - 90_000,
    outcome: 'unavailable',
    response,
  } as const;
  const activity = {
    ...emptyActivity,
    submissions: [{ partner, outcome: 'accepted' as const, count: 12_345 }],
    failures: [failure],
  };
  const leadStats = {
    byState: {
      ...emptyLeadStats.byState,
      scheduled: 12_345,
      dialled: 12_345_678,
      cancelled: 123_456,
      expired: 12_345,
    },
    undecided: 12,
    due: 12_345,
    duePaused: 123,
    nextAttemptAt: at - 90_000,
    notPermitted: [],
    waitingForRetry: 12_345,
    waitingSince: at - 90_000,
  };
  history.add(activity, leadStats, [{ type, by: 'operator', reason, since: at - 90_000 }], at, false);
  return formatScreen(history, { columns: width });
}

/** The tables: their commands, and their headings in a terminal of 80 columns. */
function tablesOf({ rerun, leadId, file }: { rerun: { id: string }; leadId: string; file: string }) {
  const person = ['lead', 'show', '+4915112345678'];
  const tables: [view: string, words: string[], headings: string[]][] = [
    ['type.viewIn', ['type', 'list'], ['TYPE', 'STATE', 'RE-CONTACT AFTER', 'CALLING HOURS', 'PARTNERS']],
    ['partner.view', ['partner', 'list'], ['PARTNER', 'STATE', 'TYPES', 'KEYS', 'LIMIT', 'TODAY']],
    [
      'partner-webhook.listView',
      ['partner', 'webhook', 'list'],
      ['PARTNER', 'URL', 'WAITING', 'SINCE', 'FAILED'],
    ],
    [
      'partner-webhook.attemptView',
      ['partner', 'webhook', 'attempts'],
      ['STARTED', 'OUTCOME', 'RESPONSE', 'ID'],
    ],
    ['key.view', ['key', 'list'], ['ID', 'PARTNER', 'STATE', 'CREATED', 'LAST USED', 'EXPIRES']],
    ['lead-view.leadView', ['lead', 'list'], ['ID', 'STATE', 'DUE', 'MOBILE', 'LAST RESPONSE']],
    [
      'lead-view.scheduledView',
      ['lead', 'list', '--state', 'scheduled'],
      ['ID', 'DUE', 'NEXT ATTEMPT', 'MOBILE', 'LAST RESPONSE'],
    ],
    [
      'lead-view.heldView',
      ['lead', 'list', '--state', 'held'],
      ['ID', 'DUE', 'DIALLER', 'PARTNER', 'MOBILE'],
    ],
    [
      'lead-view.resultView',
      ['lead', 'list', '--result', 'not-interested'],
      ['ID', 'RESULT', 'CALLED', 'MOBILE'],
    ],
    ['lead-show.personView', person, ['ID', 'STATE', 'DUE', 'NEXT ATTEMPT', 'PARTNER', 'TYPE']],
    ['timeline.timelineView', person, ['TIME', 'EVENT', 'OUTCOME', 'DETAILS']],
    ['submission.submissionView', ['submission', 'list'], ['ID', 'RECEIVED', 'PARTNER', 'TYPE', 'OUTCOME']],
    ['rejection.view', ['rejection', 'list'], ['LAST', 'PARTNER', 'COUNT', 'OPERATION', 'OUTCOME', 'REASON']],
    [
      'suppression-view.suppressionView',
      ['suppression', 'list'],
      ['MOBILE', 'TYPE', 'SOURCE', 'OBJECTED', 'REASON'],
    ],
    [
      'registry-list.view',
      ['suppression', 'registries'],
      ['REGISTRY', 'STATE', 'DATE', 'MAX AGE', 'NUMBERS', 'REQUIRED BY'],
    ],
    ['suppression.countView', ['suppression', 'count'], ['SOURCE', 'ENTRIES']],
    [
      'withdrawal.withdrawalView',
      ['withdrawal', 'list'],
      ['LEAD', 'STATE', 'CAUSE', 'REQUESTED', 'LAST RESPONSE'],
    ],
    ['due.view', ['due'], ['ID', 'DUE', 'TYPE', 'MOBILE', 'NAME']],
    ['delivery.pauseView', ['delivery', 'list'], ['TYPE', 'SINCE', 'BY', 'REASON']],
    ['dialler.view', ['dialler', 'check'], ['CHECK', 'TYPE', 'RESULT', 'DETAILS']],
    ['settings.view', ['settings', 'list'], ['NAME', 'VALUE', 'SET']],
    ['audit.view', ['audit', 'list'], ['TIME', 'OPERATOR', 'COMMAND', 'SUBJECT', 'CHANGE']],
    ['submission.rerunView', ['submission', 'rerun', rerun.id, '--force'], ['ID', 'OUTCOME', 'LEAD']],
    [
      'cancellation.relatedView',
      ['lead', 'retry', leadId, '--force'],
      ['CANCELLATIONS FOR', 'RECEIVED', 'ORDER', 'PARTNER', 'OUTCOME'],
    ],
    ['store.view', ['store', 'copy', `sqlite:${file}`, `sqlite:${file}.copy`], ['TABLE', 'ROWS']],
  ];
  return tables;
}

const screens: [view: string, headings: string[]][] = [
  [
    'watch-screen.partnerView',
    ['PARTNER', 'ACCEPTED', 'EXISTING CONTACT', 'ALREADY SCHEDULED', 'UNKNOWN TYPE', 'DO NOT CALL'],
  ],
  ['watch-screen.failureView', ['TIME', 'LEAD', 'OUTCOME', 'RESPONSE']],
];

/** Returns whether a line consists of these headings; a long one can continue on the next line. */
function isHead(line: string, headings: readonly string[]): boolean {
  const parts = headings.map((heading) => heading.replaceAll(/ (\w+)/g, '(?: $1)?'));
  return new RegExp(`^${parts.join(' {2,}')}$`).test(line.trimEnd());
}

test('a person in the audit log is shortened in a narrow terminal', () => {
  const digest = 'a'.repeat(43);
  const view = { columns: { SUBJECT: () => ({ text: `person ${digest}`, short: 'person aaaaaaaa...' }) } };
  expect(formatTable([{}], view, 40)).toBe('SUBJECT\nperson aaaaaaaa...');
  expect(formatTable([{}], view, undefined)).toContain(digest);
});

test.each([
  ['realistic', realistic],
  ['the longest', longest],
])('every table fits in a terminal of 80 columns, with %s texts', async (_, texts) => {
  const filled = await storeWith(texts);
  for (const [view, words, headings] of tablesOf(filled)) {
    const lines = (await outputOf(filled.file, words, 80)).split('\n');
    expect(
      lines.filter((line) => isHead(line, headings)),
      `${view}:\n${lines.join('\n')}`,
    ).toHaveLength(1);
    // The terminal wraps sentences, which contain no gap between two columns.
    const tooWide = lines.filter((line) => stringWidth(line) > 80 && line.includes('  '));
    expect(tooWide, view).toEqual([]);
  }
  const screen = screenOf(texts, 80).split('\n');
  expect(screen.filter((line) => stringWidth(line) > 80)).toEqual([]);
  for (const [view, headings] of screens) {
    expect(
      screen.filter((line) => isHead(line, headings)),
      `${view}:\n${screen.join('\n')}`,
    ).toHaveLength(1);
  }
});

test('with --wide, a table in a terminal is the one that is printed to a file', async () => {
  const { file } = await storeWith(longest);
  for (const words of [
    ['lead', 'list'],
    ['lead', 'show', '+4915112345678'],
    ['submission', 'list'],
  ]) {
    const wide = await outputOf(file, [...words, '--wide'], 80);
    expect(wide).toBe(await outputOf(file, words, undefined));
    expect(wide).not.toBe(await outputOf(file, words, 80));
  }
});

test('the tests above cover every table', () => {
  const views = globSync('src/cli/*.ts').flatMap((file) =>
    [
      ...readFileSync(file, 'utf8').matchAll(/^(?:export )?const (\w+)(?: = \([^)]*\))?: (?:Table)?View</gm),
    ].map(([, name]) => `${file.slice('src/cli/'.length, -'.ts'.length)}.${name}`),
  );
  const tested = tablesOf({ rerun: { id: '' }, leadId: '', file: '' }).map(([view]) => view);
  expect([...tested, ...screens.map(([view]) => view)].toSorted()).toEqual(views.toSorted());
});

const view: TableView<{ id: string; at: number; text: string }> = {
  columns: {
    ID: ({ id }) => id,
    TEXT: ({ text }) => text,
    SENT: ({ at }) => ({ time: at }),
    NUMBER: () => '12',
  },
  narrow: ['ID', 'TEXT', 'SENT'],
};

test('a table that fits, or whose output is not a terminal, has all columns in full and one line per row', () => {
  const rows = [{ id: '1', at: Date.parse('2026-11-23T09:00:12.345Z'), text: 'one two three four five' }];
  const full = [
    'ID  TEXT                     SENT                  NUMBER',
    '1   one two three four five  2026-11-23T09:00:12Z  12',
  ].join('\n');
  expect(formatTable(rows, view, undefined)).toBe(full);
  expect(formatTable(rows, view, 57)).toBe(full);
});

test('a table that does not fit has fewer columns, relative times and texts on several lines', () => {
  onTestFinished(() => void vi.useRealTimers());
  vi.useFakeTimers({ now: Date.parse('2026-11-23T12:00:12.345Z'), toFake: ['Date'] });
  const rows = [
    { id: 'a'.repeat(20), at: Date.parse('2026-11-23T09:00:12.345Z'), text: 'one two three four' },
    { id: '2', at: Date.parse('2026-11-30T12:00:12.345Z'), text: 'five' },
  ];
  expect(formatTable(rows, view, 40)).toBe(
    [
      'ID                    TEXT        SENT',
      'aaaaaaaaaaaaaaaaaaaa  one two     3h ago',
      '                      three four',
      '2                     five        in 7d',
    ].join('\n'),
  );
});

test('never splits a request id, which people copy, even beside long words', () => {
  const requestId = '01a21cf2-fffd-7092-8e26-caa2b2000000';
  const rows = [
    {
      at: 0,
      outcome: 'resolved-not-delivered',
      details: `motor, by acme with key one, Request-Id ${requestId}`,
    },
    { at: 0, outcome: 'a-word-that-is-longer-than-forty-characters-and-more', details: 'short' },
  ];
  const wide: TableView<(typeof rows)[number]> = {
    columns: {
      TIME: ({ at }) => ({ time: at }),
      OUTCOME: ({ outcome }) => outcome,
      DETAILS: ({ details }) => details,
    },
  };
  const text = formatTable(rows, wide, 60);
  expect(text).toContain(requestId);
  expect(Math.max(...text.split('\n').map(stringWidth))).toBeLessThanOrEqual(60);
});

test('a command reads the width of its terminal', async (context) => {
  skipWithout(context, ['script', '--version']);
  const { file } = await storeWith(realistic);
  const command = `stty cols 80; exec ${process.execPath} src/cli.ts lead list`;
  const output = execFileSync('script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], DATABASE_URL: `sqlite:${file}` },
    encoding: 'utf8',
  });
  const lines = output.split(/\r?\n/);
  expect(lines[0]).toMatch(/^ID +STATE +DUE +MOBILE +LAST RESPONSE$/);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

test('a list in a pipe has every column, and each row is one line', async () => {
  const { file } = await storeWith(longest);
  const [head = '', ...rows] = (await outputOf(file, ['lead', 'list'], undefined)).trimEnd().split('\n');
  expect(head).toMatch(
    /^ID +STATE +DUE +NEXT ATTEMPT +PARTNER +TYPE +MOBILE +DIALLED +CANCELLED +EXPIRES +PRIORITY +RESULT +CALLED +ATTEMPTS +LAST RESPONSE$/,
  );
  expect(rows).toHaveLength(4);
  for (const row of rows) expect(row).toMatch(/^\w{20} +\w+ .*Z /);
});
