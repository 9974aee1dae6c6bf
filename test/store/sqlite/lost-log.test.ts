/** `leads store repair` accepts a store without its log, which lacks the last cancellations and deliveries. */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { repairFile } from '../../../src/store/sqlite/file/repair.ts';
import { markedInUse, versionOf } from '../../../src/store/sqlite/file/version.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { executeCli, storeWithCli } from '../../harness/cli.ts';
import { post } from '../../harness/client.ts';
import { requestValue } from '../../harness/contract.ts';
import { finished, start } from '../../harness/process.ts';
import { claim, leadsIn, temporaryDirectory } from '../../harness/server.ts';
import { untilListening } from '../../harness/server-process.ts';
import { closeAfterTest } from '../stores.ts';

const repair = (file: string, ...words: string[]) =>
  executeCli(['store', 'repair', ...words], { DATABASE_URL: `sqlite:${file}` });

/** Marks a closed store as one that was not closed: its log is missing then. */
function loseLog(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA user_version = ${markedInUse(versionOf(database))}`);
  database.close();
  expect(existsSync(`${file}-wal`)).toBe(false);
}

test('holds a lead whose cancellation was lost, so that it is not called', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const environment = { DATABASE_URL: `sqlite:${file}`, PORT: '0' };
  const first = start('src/main.ts', [], environment);
  const { target } = await untilListening(first);
  const person = requestValue('addLead', 'accepted');
  expect((await post(target, 'addLead', { ...person, delays: 3_600 })).status).toBe(200);
  const stopped = finished(first);
  first.kill('SIGTERM');
  await stopped;

  const second = start('src/main.ts', [], environment);
  const { target: again } = await untilListening(second, false);
  const { mobile, type } = person;
  const cancelled = await post({ ...again, key: target.key }, 'cancelLead', { mobile, type });
  expect(cancelled.json).toEqual({ cancelled: true });
  const killed = finished(second);
  second.kill('SIGKILL');
  await killed;
  rmSync(`${file}-wal`);

  const { code, stdout, stderr } = await repair(file);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(
    /^Repaired the store\. Its log was lost: .* Delivery of all lead types is paused, and 1 scheduled lead is held; 0 of them may have been delivered before the log was lost\. Before you run /,
  );
  const store = closeAfterTest(openSqliteStore(file));
  expect(await leadsIn(store)).toMatchObject([{ state: 'held' }]);
  expect(await store.pauses()).toMatchObject([
    {
      type: undefined,
      by: 'operator',
      reason: expect.stringMatching(/^Repaired without its log at 2\S+Z\. Before you/),
    },
  ]);
  expect(await claim(store, 'test')).toEqual([]);
});

test('holds nothing, and pauses nothing, if the log is not lost', async () => {
  const { file, leads, open } = storeWithCli();
  expect((await leads('type', 'list')).code).toBe(0);
  expect(await repair(file)).toEqual({ code: 0, stdout: 'Repaired the store.\n', stderr: '' });
  expect(JSON.parse((await repair(file, '--json')).stdout)).toEqual({
    repaired: true,
    log_lost: false,
    held: 0,
    may_have_arrived: 0,
  });
  const store = open();
  expect(await store.pauses()).toEqual([]);
  await store.close();
});

test('migrates a store of version 1.0.0 whose log is lost, and holds its leads', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  copyFileSync(new URL('../../fixtures/1.0.0/leads.db', import.meta.url), file);
  loseLog(file);
  expect(JSON.parse((await repair(file, '--json')).stdout)).toMatchObject({ log_lost: true, held: 2 });
  const store = closeAfterTest(openSqliteStore(file));
  const states = (await leadsIn(store)).map(({ state }) => state);
  expect(states.filter((state) => state === 'held')).toHaveLength(2);
  expect(states).not.toContain('scheduled');
});

test('refuses the store until a repair has succeeded', async () => {
  const { file, leads } = storeWithCli();
  expect((await leads('type', 'add', 'motor')).code).toBe(0);
  loseLog(file);
  const interrupted = repairFile(file, async (database) => {
    // Other processes cannot open the store meanwhile.
    const other = new DatabaseSync(file);
    expect(() => other.prepare('SELECT * FROM lead_type').all()).toThrow('locked');
    other.close();
    expect(database.prepare('SELECT count(*) AS types FROM lead_type').get()).toEqual({ types: 1 });
    throw new Error('The disk is full.');
  });
  await expect(interrupted).rejects.toThrow('The disk is full.');
  expect((await leads('type', 'list')).stderr).toContain('was not closed, and its log');
  expect(JSON.parse((await repair(file, '--json')).stdout)).toMatchObject({ log_lost: true });
  expect((await leads('type', 'list')).code).toBe(0);
});
