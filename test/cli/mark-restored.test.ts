/** `leads store mark-restored` after a restore with other tools, such as PostgreSQL's own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { executeCli } from '../harness/cli.ts';
import { mobileOf } from '../harness/mobile.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { cancel, claim, deliverDue, leadsIn, temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest, seeded, sharedStores } from '../store/stores.ts';

const markRestored = (url: string, ...words: string[]) =>
  executeCli(['store', 'mark-restored', ...words], { DATABASE_URL: url });

describe.each(sharedStores)('$name', ({ newUrl }) => {
  /** Creates a store with a due and a delayed lead. */
  async function filled() {
    const url = await newUrl();
    const { store, first, from } = await seeded(closeAfterTest(await openStore(url)));
    await store.submit(from(first.id, { mobile: mobileOf(1) }));
    await store.submit(from(first.id, { mobile: mobileOf(2), delays: 3_600 }));
    return { url, store };
  }

  test('pauses delivery and holds the scheduled leads, once', async () => {
    const { url, store } = await filled();
    const marked = await markRestored(url, '--backup', 'leads.dump', '--yes', '--json');
    expect(marked.stderr).toBe('');
    expect(JSON.parse(marked.stdout)).toEqual({
      held: 2,
      may_have_arrived: 1,
      held_already: 0,
      server_running: false,
    });
    expect(await claim(store, 'test')).toEqual([]);
    const held = await leadsIn(store);
    expect(held.map(({ state, mayHaveArrived }) => [state, mayHaveArrived])).toEqual([
      ['held', false],
      ['held', true],
    ]);
    expect(await store.pauses()).toMatchObject([
      { reason: expect.stringMatching(/^Restored from leads\.dump at /) },
    ]);
    const again = await markRestored(url, '--yes');
    expect(again.stdout).toMatch(
      /^Delivery of all lead types is paused, and 0 scheduled leads are held; 0 of them .*\. 2 leads were held already\. Before you run/,
    );
    expect(await leadsIn(store)).toEqual(held);
  });

  test('asks for confirmation, and changes nothing with --dry-run', async () => {
    const { url, store } = await filled();
    const dry = await markRestored(url, '--dry-run', '--json');
    expect(JSON.parse(dry.stdout)).toMatchObject({ held: 2, may_have_arrived: 1, held_already: 0 });
    const { code, stderr } = await markRestored(url);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Delivery of all lead types would be paused, and 2 scheduled leads would be held; 1 .* --yes/,
    );
    expect(await store.pauses()).toEqual([]);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'scheduled']);
  });
});

describe.each(sharedStores)('$name', ({ newUrl }) => {
  test('reports that a server uses the store, which may have delivered leads since the restore', async () => {
    const url = await newUrl();
    const { store } = await seeded(closeAfterTest(await openStore(url)));
    await store.checkReady();
    const { code, stdout, stderr } = await markRestored(url, '--yes', '--json');
    expect({ code, json: JSON.parse(stdout) }).toMatchObject({ code: 0, json: { server_running: true } });
    expect(stderr).toMatch(/^A server is using the store, .* It may have delivered leads of the backup/);
  });
});

/** Returns whether this machine's pg_dump can read the server: it refuses one that is newer than itself. */
async function canDump(url: string): Promise<boolean> {
  const [server] = await asAdministrator<{ version: number }>(
    url,
    `SELECT current_setting('server_version_num')::integer / 10000 AS version`,
  );
  const own = /\d+/.exec(spawnSync('pg_dump', ['--version']).stdout?.toString() ?? '')?.[0];
  return Number(own ?? 0) >= (server?.version ?? 0);
}

/** Backs up a database that nothing uses. Returns a function that restores it to another one, and returns its URL. */
async function backUp(url: string): Promise<() => Promise<string>> {
  const target = await emptyDatabase();
  if (await canDump(url)) {
    const dump = join(temporaryDirectory(), 'leads.dump');
    execFileSync('pg_dump', ['--format=custom', `--file=${dump}`, `--dbname=${url}`]);
    return async () => {
      execFileSync('pg_restore', ['--exit-on-error', '--single-transaction', `--dbname=${target}`, dump]);
      return target;
    };
  }
  const [name, source] = [target, url].map((each) => new URL(each).pathname.slice(1));
  const server = inject('postgresUrl');
  await asAdministrator(server, `DROP DATABASE ${name}`);
  await asAdministrator(server, `CREATE DATABASE ${name} TEMPLATE ${source}`);
  return async () => target;
}

test('delivers no lead twice after a restore of PostgreSQL', async () => {
  const source = await emptyDatabase();
  const { store, first, from } = await seeded(await openStore(source));
  await store.submit(from(first.id, { mobile: mobileOf(1) }));
  await store.submit(from(first.id, { mobile: mobileOf(2), delays: 3_600 }));
  await store.close();
  const restore = await backUp(source);
  const continued = closeAfterTest(await openStore(source));
  await deliverDue(continued);
  await cancel(continued, { partnerId: first.id, type: 'motor', mobile: mobileOf(2) });
  const target = await restore();
  expect((await markRestored(target, '--backup', 'leads.dump', '--yes')).code).toBe(0);
  const restored = closeAfterTest(await openStore(target));
  await restored.resumeDelivery(undefined);
  expect(await claim(restored, 'test')).toEqual([]);
  for (const number of [1, 2])
    expect(await restored.submit(from(first.id, { mobile: mobileOf(number) }))).toMatchObject({
      outcome: 'already-scheduled',
    });
  expect((await restored.leadStats()).byState).toMatchObject({ held: 2, scheduled: 0 });
});
