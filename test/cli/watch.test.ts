/** `leads watch` shows at a glance whether leads are delivered, and never disturbs the servers or hangs. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { finished, skipWithout, start, untilOutput } from '../harness/process.ts';
import { deliverDue, temporaryDirectory } from '../harness/server.ts';
import { seeded } from '../store/stores.ts';

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

async function watchedStore() {
  const file = join(temporaryDirectory(), 'leads.db');
  const store = openSqliteStore(file);
  onTestFinished(() => store.close());
  const { first, from } = await seeded(store);
  await store.submit(from(first.id));
  await deliverDue(store, 'unknown');
  return { store, first, from, environment: { DATABASE_URL: `sqlite:${file}` } };
}

test('prints lines with rates and due leads, and exits with 0 on Ctrl-C', async () => {
  const { store, first, from, environment } = await watchedStore();
  const child = start('src/cli.ts', ['watch'], environment);
  const [line] = (await untilOutput(child, /\n/)).split('\n');
  expect(line).toMatch(
    /^\S+Z {2}intake 0\.0\/s {2}delivered 0\.0\/s {2}failed attempts 0\.0\/s {2}deliverable 0 {2}waiting for a retry 0 {2}scheduled 0 {2}held 0 {2}failed 1 {2}undecided 1$/,
  );
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await untilOutput(child, /intake 0\.[1-9]\/s.* deliverable 1 \(the first for [0-9]+ s\) .* scheduled 1/);
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code).toBe(0);
});

test('--json prints an object per line, with outcomes by partner', async () => {
  const { store, first, from, environment } = await watchedStore();
  const child = start('src/cli.ts', ['watch', '--json'], environment);
  await untilOutput(child, /\n/);
  const other = await store.addPartner('a\u009b\u202e', ['motor']);
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await store.submit(from(other.id, { mobile: '+447840258824' }));
  // The outcomes may be counted at different refreshes, and each line includes those before.
  const lines = (await untilOutput(child, /(?:already-scheduled.*){2}\n/)).trim().split('\n');
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
    due: 1,
    leads: { scheduled: 1, failed: 1 },
    undecided: 1,
    outcomes: { first: { 'already-scheduled': 1 }, 'a\u009b\u202e': { 'already-scheduled': 1 } },
  });
  expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test('shows pauses and the number of paused leads', async () => {
  const { store, first, from, environment } = await watchedStore();
  await store.submit(from(first.id, { mobile: '+447840258824' }));
  await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
  const child = start('src/cli.ts', ['watch'], environment);
  const line = (await untilOutput(child, /\n/)).split('\n')[0];
  expect(line).toMatch(/ deliverable 0 .* paused motor by operator {2}deliverable but paused 1$/);
  const json = start('src/cli.ts', ['watch', '--json'], environment);
  expect(JSON.parse((await untilOutput(json, /\n/)).split('\n')[0] ?? '')).toMatchObject({
    due: 0,
    due_paused: 1,
    pauses: [{ type: 'motor', by: 'operator', reason: 'maintenance' }],
  });
});

test('exits with 0 when the reader closes the output', async () => {
  const { environment } = await watchedStore();
  const child = start('src/cli.ts', ['watch'], environment);
  await untilOutput(child, /\n/);
  const end = finished(child);
  child.stdout.destroy();
  expect(await end).toMatchObject({ code: 0, stderr: '' });
});

test('redraws one screen in a terminal, with the latest failed attempts', async (context) => {
  skipWithout(context, ['script', '--version']);
  const { store, environment } = await watchedStore();
  await store.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login incorrect' });
  const command = `stty rows 30 cols 120; exec ${process.execPath} ${cli} watch`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', ...environment },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const screens = await untilOutput(child, /Leads at[\s\S]*Leads at[\s\S]*RESPONSE[\s\S]*once/);
  expect(screens).toMatch(/Deliverable now +0/);
  expect(screens).toMatch(
    /Pauses of delivery \(leads affected: 0\):\r?\n.*TYPE.*\r?\n.*\(all\) .*login incorrect/,
  );
  expect(screens).toMatch(/Latest failed attempts:\r?\n.*LEAD/);
  expect(screens).toMatch(/Undecided +1 +\(run `npm run -s leads -- lead list --undecided`\)/);
  expect(screens).toContain('unknown once');
  child.stdin.write('\u0003');
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code).toBe(0);
});
