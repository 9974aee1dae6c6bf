/** What is sent with a test key is stored apart from live data, and reaches no dialler. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../src/app/config.ts';
import { agreeOnSettings } from '../../src/app/settings.ts';
import { openTestStore } from '../../src/app/test-store.ts';
import { readTestNumbers, type TestNumber } from '../../src/contract/test-numbers.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { post, send, type Target } from '../harness/client.ts';
import { dispatch, until, webhookTo } from '../harness/dispatch.ts';
import { emptyDatabase } from '../harness/postgres.ts';
import { startReceiver } from '../harness/receiver.ts';
import { leadsIn, startServer, temporaryDirectory } from '../harness/server.ts';
import { type ServerWithTestKey, serveWithTestKey } from '../harness/test-data.ts';

const lead = {
  email: 'john.doe@test.com',
  first_name: 'John',
  surname: 'Doe',
  mobile: '07840258823',
  type: 'motor-trade',
};

const { all: numbers } = readTestNumbers();

/** Both kinds of stores. */
const urls: Record<string, () => Promise<string>> = {
  SQLite: async () => `sqlite:${join(temporaryDirectory(), 'leads.db')}`,
  PostgreSQL: () => emptyDatabase(),
};

async function start(newUrl = urls['SQLite']): Promise<ServerWithTestKey> {
  const url = (await newUrl?.()) ?? '';
  const store = await openStore(url);
  return serveWithTestKey(store, url);
}

function add(target: Target, mobile: string, changes: object = {}) {
  return post(target, 'addLead', { ...lead, mobile, ...changes });
}

async function outcomeOf(sent: ReturnType<typeof post>): Promise<string | undefined> {
  return (await sent).headers['lead-outcome'];
}

async function statusOf(target: Target, mobile: string): Promise<Record<string, unknown>> {
  // The cast: the body of this operation is an object.
  return (await post(target, 'leadStatus', { mobile, type: lead.type })).json as Record<string, unknown>;
}

/** Any of the numbers of a line of the table. */
function mobileOf({ ending }: TestNumber, hundred = 0): string {
  return `07700900${hundred}${ending}`;
}

for (const [name, newUrl] of Object.entries(urls)) {
  test(`each test number has its outcome, state and result: ${name}`, async () => {
    const { test: target } = await start(newUrl);
    for (const number of numbers) {
      expect(await outcomeOf(add(target, mobileOf(number, 3))), number.ending).toBe(number.outcome);
    }
    await until(async () => {
      for (const number of numbers) {
        if (number.state === undefined) continue;
        const status = await statusOf(target, mobileOf(number, 3));
        const { state, result } = number;
        expect(status, number.ending).toMatchObject({ state, ...(result !== undefined && { result }) });
      }
    });
    // The person of this number has objected during the call.
    expect(await outcomeOf(add(target, '07700900308'))).toBe('do-not-call');
    const cancelling = (mobile: string) => outcomeOf(post(target, 'cancelLead', { mobile, type: lead.type }));
    expect(await cancelling('07700900332')).toBe('cancelled');
    const { events } = (await post(target, 'leadEvents', { limit: 1_000 })).json as {
      events: { type: string }[];
    };
    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(
        ['cancelled', 'dialled', 'expired', 'failed', 'result', 'suppressed'].map((end) => `lead.${end}`),
      ),
    );
    await add(target, '07700900440');
    expect(await cancelling('07700900440')).toBe('already-processed');
    const { results } = (
      await post(target, 'addLeads', {
        leads: ['10', '11', '12', '00'].map((ending) => ({
          ...lead,
          ref: ending,
          mobile: `+44 7700 9007${ending}`,
        })),
      })
    ).json as { results: { outcome: string }[] };
    expect(results.map(({ outcome }) => outcome)).toEqual([
      'existing-contact',
      'already-scheduled',
      'do-not-call',
      'accepted',
    ]);
  });

  test(`live data and test data do not notice each other: ${name}`, async () => {
    const { store, partner, test: target, ...server } = await start(newUrl);
    const live = { ...server };
    const delayed = { delays: 600 };
    expect(await outcomeOf(add(live, lead.mobile, delayed))).toBe('accepted');
    expect(await outcomeOf(add(target, lead.mobile, delayed))).toBe('accepted');
    expect(await outcomeOf(add(target, lead.mobile))).toBe('already-scheduled');
    expect(await outcomeOf(post(target, 'cancelLead', { mobile: lead.mobile, type: lead.type }))).toBe(
      'cancelled',
    );
    expect(await statusOf(target, lead.mobile)).toMatchObject({ state: 'cancelled' });
    expect(await statusOf(live, lead.mobile)).toMatchObject({ state: 'scheduled' });
    expect(await outcomeOf(post(target, 'doNotCall', { mobile: lead.mobile }))).toBe('recorded');
    expect(await outcomeOf(add(target, lead.mobile))).toBe('do-not-call');
    expect(await store.suppressionsOf('+447840258823')).toEqual([]);
    expect(await outcomeOf(post(live, 'cancelLead', { mobile: lead.mobile, type: lead.type }))).toBe(
      'cancelled',
    );
    expect(await outcomeOf(add(live, lead.mobile, delayed))).toBe('accepted');
    // A test is still only validated.
    expect(await outcomeOf(add(target, '07700900000', { test: true }))).toBe('test');
    expect(await leadsIn(store)).toHaveLength(2);
  });
}

test('delivers nothing that was sent with a test key to the dialler', async () => {
  const { store, test: target } = await start();
  const receiver = await startReceiver();
  dispatch(store, webhookTo(receiver.url));
  await add(target, '07700900000');
  // A person with a number of their own, which a partner has sent with a test key.
  await add(target, lead.mobile);
  await until(async () =>
    expect(await statusOf(target, lead.mobile)).toMatchObject({ state: 'dialled', found: true }),
  );
  expect(await statusOf(target, lead.mobile)).not.toHaveProperty('result');
  expect(await leadsIn(store)).toEqual([]);
  expect(receiver.received).toEqual([]);
});

test('counts requests with a test key apart from live ones', async () => {
  const completed: { isTest?: boolean | undefined }[] = [];
  const rejected: unknown[] = [];
  const url = await urls['SQLite']?.();
  const store = await openStore(url ?? '');
  const options = {
    onResponse: (request: { isTest?: boolean | undefined }) => void completed.push(request),
    rejections: { count: (request: unknown) => void rejected.push(request) },
  };
  const server = await serveWithTestKey(store, url ?? '', options);
  const { partner, test: target, testData } = server;
  expect((await add(target, 'none')).status).toBe(400);
  await add(target, '07700900000');
  expect(rejected).toEqual([]);
  expect(completed.map(({ isTest }) => isTest)).toEqual([true, true]);
  expect((await Array.fromAsync(store.partners())).find(({ name }) => name === partner)).toMatchObject({
    acceptedToday: 0,
  });
  expect((await add(server, 'none')).status).toBe(400);
  expect(rejected).toHaveLength(1);
  await testData.stop();
  const ofTests = await openTestStore(await readConfig({ DATABASE_URL: url }));
  onTestFinished(() => ofTests.close());
  expect((await Array.fromAsync(ofTests.partners()))[0]).toMatchObject({ name: partner, acceptedToday: 1 });
  expect(await Array.fromAsync(ofTests.rejections(partner, 10))).toMatchObject([{ partner, count: 1 }]);
});

test('follows the grants and names of lead types within a second', async () => {
  const { store, partner, test: target } = await start();
  expect(await outcomeOf(add(target, '07700900099'))).toBe('accepted');
  await store.renameType('motor-trade', 'motor');
  await store.revokeType(partner, 'motor');
  await until(async () =>
    expect(await outcomeOf(add(target, '07700900098', { test: true }))).toBe('test-unknown-type'),
  );
  await store.grantType(partner, 'motor');
  await until(async () =>
    expect(await outcomeOf(add(target, '07700900097', { type: 'motor' }))).toBe('accepted'),
  );
});

test('creates no store of test data before the first request with a test key', async () => {
  const { file, store, ...server } = await startServer();
  const config = await readConfig({ DATABASE_URL: `sqlite:${file}` });
  expect(config.testStoreUrl).toBeUndefined();
  await send(server, 'addLead');
  const testFile = file.replace('.db', '-test.db');
  expect(existsSync(testFile)).toBe(false);
  const other = await openStore(`sqlite:${file}`.replace('leads.db', 'other.db'));
  const { test: target, testData } = await serveWithTestKey(other, `sqlite:${file}`);
  await testData.resume();
  expect(existsSync(testFile)).toBe(true);
  expect(await outcomeOf(add(target, '07700900000'))).toBe('accepted');
});

test('returns 503 while the store of test data cannot be used, and live requests work', async () => {
  const directory = temporaryDirectory();
  const url = `sqlite:${join(directory, 'leads.db')}`;
  const store = await openStore(url);
  // A store of live leads in the place of that of test data.
  const wrong = await openStore(url.replace('.db', '-test.db'));
  await wrong.addPartner('live', []);
  await wrong.close();
  const { test: target, ...server } = await serveWithTestKey(store, url);
  expect((await add(target, '07700900000')).status).toBe(503);
  expect((await add(server, lead.mobile)).status).toBe(200);
});

test('opens the store of test data again after it was removed', async () => {
  const url = `sqlite:${join(temporaryDirectory(), 'leads.db')}`;
  const { test: target } = await serveWithTestKey(await openStore(url), url);
  expect(await outcomeOf(add(target, '07700900000'))).toBe('accepted');
  const testFile = url.slice('sqlite:'.length).replace('.db', '-test.db');
  for (const end of ['', '-wal', '-shm']) rmSync(`${testFile}${end}`, { force: true });
  await until(async () => expect(await outcomeOf(add(target, '07700900000'))).toBe('accepted'));
  expect(existsSync(testFile)).toBe(true);
});

test('refuses a store of live leads for test data, and a store of test data for live leads', async () => {
  const directory = temporaryDirectory();
  const [liveUrl, testUrl] = ['leads', 'tests'].map((name) => `sqlite:${join(directory, `${name}.db`)}`);
  const live = await opened(liveUrl);
  await live.addType('motor', null);
  const config = await readConfig({ DATABASE_URL: 'sqlite::memory:', TEST_STORE: liveUrl });
  await expect(openTestStore(config)).rejects.toThrow('in use as a store of live leads');
  const ofTests = await openTestStore({ ...config, testStoreUrl: testUrl });
  onTestFinished(() => ofTests.close());
  const log = await createLog('silent');
  await expect(agreeOnSettings(ofTests, config, log)).rejects.toThrow('contains test data');
  await expect(readConfig({ DATABASE_URL: testUrl, TEST_STORE: testUrl })).rejects.toThrow('same store');
});

async function opened(url = ''): Promise<Store> {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  return store;
}
