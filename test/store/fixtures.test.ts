/** This version opens the stores of every released version, and finds what they hold. */
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../src/partners/key.ts';
import { verifyEvidence } from '../../src/store/evidence/verify.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { keys, mobileOf } from '../fixtures/make.ts';
import { asAdministrator, emptyDatabase } from '../harness/postgres.ts';
import { temporaryDirectory } from '../harness/server.ts';
import { appendAll } from './conformance/evidence.ts';
import { closeAfterTest } from './stores.ts';

const fixtures = new URL('../fixtures/', import.meta.url);
const versions = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** A kind of store. A location is a file or a URL. */
interface Kind {
  /** Returns the location of a copy of a version's store, or of an empty store. */
  create(version?: string): Promise<string>;
  open(location: string): Promise<Store>;
  /** Returns everything that the migrations create. */
  schema(location: string): Promise<unknown[]>;
}

const kinds: Record<string, Kind> = {
  SQLite: {
    async create(version) {
      const file = join(temporaryDirectory(), 'leads.db');
      if (version !== undefined) {
        copyFileSync(new URL(`${version}/leads.db`, fixtures), file);
        chmodSync(file, 0o600);
      }
      return file;
    },
    open: async (file) => closeAfterTest(openSqliteStore(file)),
    async schema(file) {
      const database = new DatabaseSync(file, { readOnly: true });
      onTestFinished(() => database.close());
      const rows = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all();
      // A definition contains the comments of its migration.
      const withoutComments = (sql: unknown) => String(sql).replace(/--.*/g, '').replace(/\s+/g, ' ');
      return rows.map(({ type, name, sql }) => [type, name, withoutComments(sql)]);
    },
  },
  PostgreSQL: {
    async create(version) {
      const url = await emptyDatabase();
      if (version !== undefined)
        await asAdministrator(url, readFileSync(new URL(`${version}/leads.sql`, fixtures), 'utf8'));
      return url;
    },
    open: async (url) => closeAfterTest(await openPostgresStore(url)),
    schema: (url) =>
      asAdministrator(
        url,
        `SELECT table_name || '.' || column_name AS name,
           concat_ws(' ', data_type, collation_name, is_nullable, column_default, identity_generation) AS definition
         FROM information_schema.columns WHERE table_schema = 'public'
         UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL SELECT conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid)
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         ORDER BY 1, 2`,
      ),
  },
};

test('there is a fixture of version 1.0.0', () => {
  expect(versions).toContain('1.0.0');
});

describe.each(Object.entries(kinds))('%s', (_name, kind) => {
  const open = async (version: string) => kind.open(await kind.create(version));

  // Differs if a migration was changed after its release.
  test.each(versions)('a migrated store of version %s has the schema of a new store', async (version) => {
    const [migrated, created] = [await kind.create(version), await kind.create()];
    for (const location of [migrated, created]) await kind.open(location);
    const schema = await kind.schema(created);
    expect(schema.length).toBeGreaterThan(10);
    expect(await kind.schema(migrated)).toEqual(schema);
  });

  test.each(versions)('opens a store of version %s and finds what it holds', async (version) => {
    const store = await open(version);
    expect(await store.leadStats()).toMatchObject({
      byState: { scheduled: 2, dialled: 1, cancelled: 1, failed: 2, expired: 1 },
      undecided: 1,
    });

    const holder = await store.keyHolder(digestOf(keys.active));
    expect(holder?.partner.name).toBe('first');
    expect(await store.keyHolder(digestOf(keys.revoked))).toMatchObject({ reason: 'revoked' });
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

  test.each(versions)(
    'evidence of what a store of version %s holds is added after its migration',
    async (version) => {
      const store = await open(version);
      const before = await Array.fromAsync(store.attempts(mobileOf(2)));
      await appendAll(store);
      const evidence = await store.evidenceOf(mobileOf(2));
      expect(evidence.filter(({ kind }) => kind === 'delivery')).toHaveLength(before.length);
      expect(evidence.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['request', 'cancellation']));
      const submissions = await Array.fromAsync(store.exportSubmissions({}));
      const requests = (await store.evidenceEntries(0, 1_000)).filter(({ kind }) => kind === 'request');
      expect(requests.map(({ sourceId }) => sourceId).toSorted()).toEqual(
        submissions.map(({ id }) => id).toSorted(),
      );
      expect((await verifyEvidence(store, undefined)).entries).toBe(
        (await store.evidenceChain()).headSequence,
      );
    },
  );

  test.each(versions)('continues a store of version %s', async (version) => {
    const store = await open(version);
    const partnerId = (await store.keyHolder(digestOf(keys.active)))?.partner.id ?? 0;
    const submission = {
      id: 'repeated',
      partnerId,
      keyId: null,
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
    expect((await store.leadStats()).byState).toMatchObject({ scheduled: 4, failed: 1 });
  });
});
