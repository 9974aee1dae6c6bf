/** This version opens the stores of every released version, and finds what they hold. */
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/partners/key.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { keys, mobileOf } from '../fixtures/make.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { closeAfterTest } from './stores.ts';

const fixtures = new URL('../fixtures/', import.meta.url);
const versions = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Opens a copy of a version's store, by kind of store. */
const openings: Record<string, (version: string) => Promise<Store>> = {
  SQLite: async (version) => {
    const file = join(temporaryDirectory(), 'leads.db');
    copyFileSync(new URL(`${version}/leads.db`, fixtures), file);
    chmodSync(file, 0o600);
    return closeAfterTest(openSqliteStore(file));
  },
  PostgreSQL: async (version) => {
    const url = await emptyDatabase();
    await asAdministrator(url, readFileSync(new URL(`${version}/leads.sql`, fixtures), 'utf8'));
    return closeAfterTest(await openPostgresStore(url));
  },
};

test('there is a fixture of version 1.0.0', () => {
  expect(versions).toContain('1.0.0');
});

describe.each(Object.entries(openings))('%s', (_store, open) => {
  test.each(versions)('opens a store of version %s and finds what it holds', async (version) => {
    const store = await open(version);
    expect(await store.workload()).toMatchObject({
      byState: { scheduled: 2, dialled: 1, cancelled: 1, failed: 2, expired: 1 },
      undecided: 1,
    });

    const holder = await store.keyHolder(digestOf(keys.active));
    expect(holder?.partner.name).toBe('first');
    expect(await store.keyHolder(digestOf(keys.revoked))).toBeUndefined();
    const partnerId = holder?.partner.id ?? 0;
    expect(await store.leadStatus({ partnerId, type: 'motor', mobile: mobileOf(2) })).toMatchObject({
      state: 'dialled',
      dialledAt: expect.any(Number),
    });

    const attempts = await Array.fromAsync(store.attempts(mobileOf(2)));
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['unavailable', 'delivered']);
    const submissions = await Array.fromAsync(store.submissions({ mobile: mobileOf(7) }, 10));
    expect(submissions[0]?.reruns.map(({ outcome }) => outcome)).toEqual(['unknown-type', 'accepted']);
    const cancellations = await Promise.all(
      [2, 3, 8].map((person) => Array.fromAsync(store.cancellations(mobileOf(person)))),
    );
    expect(cancellations.flat().map(({ outcome }) => outcome)).toEqual([
      'already-processed',
      'cancelled',
      'unknown-type',
      'not-found',
    ]);
    expect((await store.pauses()).map(({ type, by }) => ({ type, by }))).toEqual([
      { type: undefined, by: 'dialler' },
      { type: 'home', by: 'operator' },
    ]);
  });

  test.each(versions)('continues a store of version %s', async (version) => {
    const store = await open(version);
    const partnerId = (await store.keyHolder(digestOf(keys.active)))?.partner.id ?? 0;
    const submission = {
      id: 'repeated',
      partnerId,
      receivedAt: Date.now(),
      type: 'motor',
      mobile: mobileOf(1),
      delays: 0,
      content: '{}',
    };
    expect(await store.submit(submission, { key: 'add-1', fingerprint: 'add' })).toMatchObject({
      outcome: 'accepted',
      isReplay: true,
    });
    expect(await store.submit({ ...submission, mobile: mobileOf(5) })).toMatchObject({
      outcome: 'already-scheduled',
    });
    expect(await store.submit({ ...submission, id: 'new', mobile: mobileOf(6) })).toMatchObject({
      outcome: 'accepted',
    });
    const [failed] = await Array.fromAsync(store.leads({ mobile: mobileOf(4) }, 1));
    await store.retryLead(failed?.id ?? '');
    expect((await store.workload()).byState).toMatchObject({ scheduled: 4, failed: 1 });
  });
});
