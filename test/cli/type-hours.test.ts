/** Operators decide when the people of a lead type may be called. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { reportUndecidedHours } from '../../src/app/undecided-hours.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { executeCli, lines, storeWithCli } from '../harness/cli.ts';
import { recordingLog } from '../harness/recording-log.ts';
import { claim, record, temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

test('a new type has the hours of the country, of a preset, or none', async () => {
  const { leads } = storeWithCli();
  expect((await leads('type', 'add', 'motor')).stdout).toBe(
    'Added lead type "motor". Calling hours: Mon-Fri 08:00-21:00, Sat-Sun 09:00-21:00 (person\'s time zone).\n',
  );
  await leads('type', 'add', 'us', '--preset', 'us');
  await leads('type', 'add', 'any', '--always');
  expect(lines(await leads('type', 'list', '--json'))).toMatchObject([
    { name: 'any', calling_hours: 'always', calling_zone: null, calling_hours_decided: true },
    { name: 'motor', calling_hours: 'Mon-Fri 08:00-21:00, Sat-Sun 09:00-21:00', calling_zone: 'person' },
    { name: 'us', calling_hours: 'Mon-Sun 08:00-21:00', calling_zone: 'person' },
  ]);
});

test('hours, zone and holidays are set together or one by one, and shown with the opening for a number', async () => {
  const { leads } = storeWithCli();
  await leads('type', 'add', 'motor', '--always');
  const file = join(temporaryDirectory(), 'holidays.txt');
  writeFileSync(file, '2999-12-25 Christmas Day\n');
  const hours = ['type', 'hours', 'motor'];
  expect((await leads(...hours)).stdout).toBe('Calling hours of "motor": always.\n');
  expect(await leads(...hours, '--zone', 'Europe/London')).toMatchObject({
    code: 1,
    stderr: 'The people of this lead type may be called at any time. Pass hours or `--preset`, too.\n',
  });
  expect(
    lines(
      await leads(...hours, 'mon-fri 9:00-20:00', '--holidays', file, '--zone', 'europe/london', '--json'),
    ),
  ).toMatchObject([
    { calling_hours: 'Mon-Fri 09:00-20:00', calling_zone: 'Europe/London', holidays: ['2999-12-25'] },
  ]);
  const shown = await leads(...hours, 'Mon-Sun 00:00-24:00', '--zone', 'person', '--number', '07840 258823');
  expect(shown.stdout).toBe(
    'Calling hours of "motor": Mon-Sun 00:00-24:00 (person\'s time zone, 1 holiday). +447840258823: now (Europe/London).\n',
  );
});

test('stricter hours postpone scheduled leads, whose status then reports the opening', async () => {
  const { leads, open } = storeWithCli();
  const { store, first, from } = await seeded(open());
  await store.submit(from(first.id, { delays: 60 }));
  await store.close();
  // It is another day when the call is requested.
  const day = new Date(Date.now() + 3 * 86_400_000).toLocaleDateString('en-GB', {
    weekday: 'short',
    timeZone: 'UTC',
  });
  const changed = await leads('type', 'hours', 'motor', `${day} 10:00-11:00`, '--zone', 'UTC');
  expect(changed.stderr).toContain('1 scheduled lead waits for the next opening of these hours.');
  const [lead] = lines(await leads('lead', 'list', '--json'));
  const opening = expect.stringMatching(/T10:00:00(\.000)?Z$/);
  expect(lead).toMatchObject({ due_at: opening, next_attempt_at: opening, waits_for: 'calling-hours' });
});

test('a lead that waits for a retry shows when the calling hours permit it', async () => {
  const { leads, open } = storeWithCli();
  const { store, first, from } = await seeded(open());
  await store.submit(from(first.id));
  const [lead] = await claim(store, 'claim');
  await record(store, 'claim', lead?.id ?? '', 'unavailable', Date.now() + 60_000);
  await store.close();
  const show = async () => (await leads('lead', 'show', lead?.id ?? '')).stdout;
  expect(await show()).not.toContain('waits:');
  const day = new Date(Date.now() + 3 * 86_400_000).toLocaleDateString('en-GB', {
    weekday: 'short',
    timeZone: 'UTC',
  });
  await leads('type', 'hours', 'motor', `${day} 10:00-11:00`, '--zone', 'UTC');
  expect(await show()).toMatch(/waits: the calling hours of its type permit no call before \S*T10:00:00Z\./);
});

test.each([
  [['Mon 9-5'], '"9" is not a time of day. Use 00:00 to 24:00, such as 09:30.\n'],
  [
    ['Mon 09:00-10:00', '--zone', 'London'],
    '"London" is not a time zone. Use `person`, or a name such as Europe/London or America/New_York.\n',
  ],
  [['Mon 09:00-10:00', '--always'], 'Pass either hours, `--preset` or `--always`.\n'],
  [['--number', '12'], '"12" is not a valid phone number.\n'],
])('rejects %j and changes nothing', async (words, stderr) => {
  const { leads } = storeWithCli();
  await leads('type', 'add', 'motor', '--always');
  expect(await leads('type', 'hours', 'motor', ...words)).toMatchObject({ code: 1, stderr });
  expect((await leads('type', 'hours', 'motor')).stdout).toBe('Calling hours of "motor": always.\n');
});

test('the hours of the country apply to types of version 1.0.0, which each start and the list report', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = openSqliteStore(file);
  await store.addType('motor', null);
  const database = new DatabaseSync(file);
  database.exec('UPDATE lead_type SET calling_hours = NULL');
  database.close();
  const { log, lines: logged } = recordingLog();
  await reportUndecidedHours(store, 'GB', log);
  expect(logged).toMatchObject([{ level: 'warn', types: ['motor'] }]);
  await store.close();
  const environment = { DATABASE_URL: `sqlite:${file}` };
  expect((await executeCli(['type', 'list'], environment)).stdout).toContain(
    "Mon-Fri 08:00-21:00, Sat-Sun 09:00-21:00 (person's time zone, not decided)",
  );
  expect((await executeCli(['type', 'hours', 'motor'], environment)).stderr).toContain(
    'Nobody has decided on the hours of "motor"',
  );
});
