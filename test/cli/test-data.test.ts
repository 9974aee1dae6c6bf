/** Test keys, and the commands that read and erase test data. */
import { existsSync, mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openTestStore } from '../../src/app/test-store.ts';
import { hasKeyForm } from '../../src/partners/key.ts';
import { lines, storeWithCli } from '../harness/cli.ts';
import { newSubmission } from '../harness/submissions.ts';

function withTestStore() {
  const cli = storeWithCli();
  const databaseUrl = `sqlite:${cli.file}`;
  return {
    ...cli,
    testFile: cli.file.replace('.db', '-test.db'),
    openTests: () => openTestStore({ databaseUrl, testStoreUrl: undefined, databaseConnections: 1 }),
  };
}

test('creates, lists, checks and rotates test keys, and records them in the audit log', async () => {
  const { leads, leadsWith, testFile } = withTestStore();
  await leads('partner', 'add', 'broker');
  await leads('key', 'create', 'broker');
  expect(existsSync(testFile)).toBe(false);
  const [created] = lines(await leads('key', 'create', 'broker', '--test')) as { id: string; key: string }[];
  expect(created).toMatchObject({ partner: 'broker', test: true });
  expect(created?.key).toMatch(/^leads_test_/);
  expect(hasKeyForm(created?.key ?? '')).toBe(true);
  expect(existsSync(testFile)).toBe(true);
  expect(lines(await leads('key', 'list', '--json'))).toMatchObject([{ test: false }, { test: true }]);
  expect((await leads('key', 'list')).stdout).toContain('active (test)');
  expect((await leadsWith(`${created?.key}\n`, 'key', 'check')).stdout).toContain('Test key');
  const [next] = lines(await leads('key', 'rotate', created?.id ?? '')) as { key: string }[];
  expect(next?.key).toMatch(/^leads_test_/);
  expect(lines(await leads('audit', 'list', '--json'))).toContainEqual(
    expect.objectContaining({ after: { partner: 'broker', test: true } }),
  );
});

test('reports why the store of test data cannot be created, and creates no key then', async () => {
  const { leads, testFile } = withTestStore();
  await leads('partner', 'add', 'broker');
  mkdirSync(testFile);
  const { code, stderr } = await leads('key', 'create', 'broker', '--test');
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('TEST_STORE') });
  expect((await leads('key', 'list')).stdout).toContain('There are no keys.');
});

test('reads test data with --test-data, and live data without it', async () => {
  const { leads, openTests } = withTestStore();
  await leads('partner', 'add', 'broker');
  expect((await leads('lead', 'list', '--test-data')).stderr).toContain('There are no test data.');
  await leads('key', 'create', 'broker', '--test');
  const store = await openTests();
  await store.addType('motor', null);
  const { id } = await store.addPartner('broker', ['motor']);
  const sent = { partnerId: id, type: 'motor', mobile: '+447700900100', receivedAt: Date.now(), delays: 0 };
  await store.submit(newSubmission({ ...sent, content: '{}' }));
  await store.close();
  for (const command of [
    ['lead', 'list'],
    ['submission', 'list'],
  ]) {
    expect(lines(await leads(...command, '--json'))).toEqual([]);
    expect(lines(await leads(...command, '--test-data', '--json'))).toMatchObject([{ mobile: sent.mobile }]);
  }
  const { stdout } = await leads('lead', 'show', '07700 900100', '--test-data', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ mobile: sent.mobile, leads: [{ partner: 'broker' }] });
  expect(lines(await leads('withdrawal', 'list', '--test-data', '--json'))).toEqual([]);
});

test('exports and erases the data of a person that was sent with a test key', async () => {
  const { leads, openTests } = withTestStore();
  const mobile = '+447840258823';
  const fill = async () => {
    const store = await openTests();
    await store.addType('motor', null);
    const { id } = await store.addPartner('broker', ['motor']);
    const sent = { partnerId: id, type: 'motor', mobile, receivedAt: Date.now(), delays: 0, content: '{}' };
    await store.submit(newSubmission(sent));
    await store.close();
  };
  const exported = async () => JSON.parse((await leads('person', 'export', mobile, '--json')).stdout);
  expect(await exported()).toMatchObject({ test_tables: null });
  await fill();
  expect(await exported()).toMatchObject({ tables: {}, test_tables: { lead: [{ mobile }] } });
  expect(lines(await leads('person', 'erase', mobile, '--yes', '--json'))).toMatchObject([
    { leads: 0, test_leads: 1 },
  ]);
  const { tables, test_tables: left } = await exported();
  const rows = (found: Record<string, object[]>, name: string) => found[name] ?? [];
  for (const name of ['lead', 'submission', 'evidence']) {
    expect(rows(tables, name)).toEqual([]);
    expect(rows(left, name)).toEqual([]);
  }
});
