/** Pruning, copying and backup of a store keep everything that is needed. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors/user-error.ts';
import { copyStore } from '../../src/store/copy.ts';
import { verifyEvidence } from '../../src/store/evidence/verify.ts';
import { StoreKeys } from '../../src/store/keys/store-keys.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { pruneAll } from '../../src/store/prune.ts';
import { defaultLimits } from '../../src/store/sqlite/durability/commit-queue.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Tables } from '../../src/store/tables.ts';
import { tablesToCopy } from '../../src/store/tables.ts';
import { storeDatabase } from '../harness/database-pool.ts';
import { mobileOf } from '../harness/mobile.ts';
import { asAdministrator } from '../harness/postgres.ts';
import {
  cancel,
  claim,
  deliverDue,
  holdWriteLock,
  leadsIn,
  record,
  submissionsIn,
  temporaryDirectory,
} from '../harness/server.ts';
import { currentIdentifier, withClockOffset } from './clock.ts';
import { tableNamed } from './conformance/behaviour.ts';
import { closeAfterTest, openStore, seeded, stores } from './stores.ts';

const day = 86_400_000;
const noProgress = { begin: () => {}, done: () => {} };

/** Fills a store with leads in every state, long ago and recent, and with other submissions, attempts and re-runs. */
async function filledStore(opening: Store | Promise<Store>) {
  const { store, first, second, from } = await seeded(opening);
  for (const days of [500, 1]) {
    await withClockOffset(-days * day, async () => {
      const base = days * 100;
      const sent = (partnerId: number, index: number, changes = {}) =>
        from(partnerId, { id: currentIdentifier(), mobile: mobileOf(base + index), ...changes });
      const add = (index: number, changes = {}) => store.submit(sent(first.id, index, changes));
      await add(1);
      const [dialled] = await claim(store, `dialled-${days}`);
      await record(store, `dialled-${days}`, dialled?.id ?? '', 'delivered');
      await add(2);
      const [failed] = await claim(store, `failed-${days}`);
      await record(store, `failed-${days}`, failed?.id ?? '', 'unknown');
      await add(3, { delays: 20_000_000 });
      await cancel(store, {
        id: currentIdentifier(),
        partnerId: first.id,
        type: 'motor',
        mobile: mobileOf(base + 3),
      });
      await store.submit(sent(first.id, 4), { key: `day-${days}`, fingerprint: 'four' });
      const [paused] = await claim(store, `paused-${days}`);
      await record(store, `paused-${days}`, paused?.id ?? '', 'unavailable', Date.now() + 1_000 * day);
      await store.submit(sent(second.id, 4));
      const unknown = sent(second.id, 5, { type: 'unknown \u0000 \ud800' });
      await store.submit(unknown);
      await store.rerunSubmission(unknown.id);
    });
  }
  await store.addKey('first', 'key', 'digest');
  await store.limitPartner('first', { perSecond: 5, burst: 10 });
  return { store, first, second, from };
}

describe.each(stores)('$name', ({ open }) => {
  test('prunes what is old, but keeps leads that can be called or prevent a second call', async () => {
    const { store, first, from } = await filledStore(open());
    const prunable = await store.countPrunable(Date.now() - 400 * day);
    const pruned = await pruneAll(store, Date.now() - 400 * day);
    expect(pruned).toMatchObject(prunable);
    expect(pruned).toMatchObject({ submissions: 4, cancellations: 1, leads: 1, attempts: 1, contacts: 0 });
    expect((await leadsIn(store)).map(({ mobile: number, state }) => [number, state])).toEqual([
      [mobileOf(104), 'scheduled'],
      [mobileOf(103), 'cancelled'],
      [mobileOf(102), 'failed'],
      [mobileOf(101), 'dialled'],
      [mobileOf(50_004), 'scheduled'],
      [mobileOf(50_002), 'failed'],
      [mobileOf(50_001), 'dialled'],
    ]);
    expect(await submissionsIn(store)).toHaveLength(8);
    expect(await store.submit(from(first.id, { mobile: mobileOf(50_001) }))).toMatchObject({
      outcome: 'existing-contact',
    });
    const [failed] = await Array.fromAsync(store.leads({ mobile: mobileOf(50_002) }, 1));
    await store.retryLead(failed?.id ?? '');
    expect((await claim(store, 'again')).map(({ id }) => id)).toContain(failed?.id);
    expect(await pruneAll(store, Date.now() - 400 * day)).toMatchObject({ submissions: 0 });
  });

  test('prunes old cancellations, but keeps those of a lead that can be called', async () => {
    const { store, first, from } = await seeded(open());
    const cancelled = (index: number, changes = {}) =>
      cancel(store, {
        id: currentIdentifier(),
        partnerId: first.id,
        type: 'motor',
        mobile: mobileOf(index),
        ...changes,
      });
    await withClockOffset(-500 * day, async () => {
      for (const index of [1, 2, 3]) {
        await store.submit(from(first.id, { id: currentIdentifier(), mobile: mobileOf(index) }));
        if (index === 1) await deliverDue(store, 'unknown');
        if (index === 2) await deliverDue(store);
        await cancelled(index);
      }
      await cancelled(4);
      await cancelled(5, { type: 'other' });
    });
    await cancelled(6);
    const prunable = await store.countPrunable(Date.now() - 400 * day);
    const pruned = await pruneAll(store, Date.now() - 400 * day);
    expect(pruned).toMatchObject(prunable);
    expect(pruned).toMatchObject({ submissions: 2, cancellations: 4, leads: 1, attempts: 1, contacts: 0 });
    const left = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((index) => Array.fromAsync(store.cancellations(mobileOf(index)))),
    );
    expect(left.map((rows) => rows.map(({ outcome }) => outcome))).toEqual([
      ['already-processed'],
      [],
      [],
      [],
      [],
      ['not-found'],
    ]);
    const undecided = (await leadsIn(store)).find((lead) => lead.isUndecided);
    await store.resolveLead(undecided?.id ?? '', false);
    await cancelled(1);
    await pruneAll(store, Date.now() - 400 * day);
    expect(await Array.fromAsync(store.cancellations(mobileOf(1)))).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test('prunes in small steps, and lets other calls write between them', async () => {
    const { store, first, from } = await seeded(open());
    await withClockOffset(-500 * day, async () => {
      const all = Array.from({ length: 1_200 }, (_, index) =>
        store.submit(from(first.id, { id: currentIdentifier(), mobile: mobileOf(index), type: 'unknown' })),
      );
      await Promise.all(all);
    });
    // Each step begins after a write that was started after the step before.
    const written: unknown[] = [];
    let write: Promise<unknown> | undefined;
    const steps = {
      ...store,
      async prune(before: number, after: string) {
        if (write !== undefined) written.push(await write);
        return store.prune(before, after);
      },
      async pruneContacts(before: number, after: string) {
        await write;
        return store.pruneContacts(before, after);
      },
    };
    const pruned = await pruneAll(steps, Date.now() - 400 * day, () => {
      write = store.submit(from(first.id, { mobile: mobileOf(5_000 + written.length) }));
    });
    await write;
    expect(pruned).toMatchObject({ submissions: 1_200, leads: 0, attempts: 0 });
    expect(written).toMatchObject([{ outcome: 'accepted' }, { outcome: 'accepted' }]);
    expect(await submissionsIn(store)).toHaveLength(4);
  });

  test('keeps a submission whose re-run was accepted as long as its lead can be called', async () => {
    const { store, first, from } = await seeded(open());
    await withClockOffset(-500 * day, async () => {
      const submissions = [1, 2].map((index) =>
        from(first.id, { id: currentIdentifier(), mobile: mobileOf(index), type: 'late' }),
      );
      for (const submission of submissions) {
        expect(await store.submit(submission)).toMatchObject({ outcome: 'unknown-type' });
      }
      await store.addType('late', null);
      await store.grantType('first', 'late');
      for (const { id } of submissions) {
        expect(await store.rerunSubmission(id)).toMatchObject({ outcome: 'accepted' });
      }
    });
    const prune = () => pruneAll(store, Date.now() - 400 * day);
    expect(await prune()).toMatchObject({ submissions: 0, leads: 0 });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled', 'scheduled']);
    expect((await submissionsIn(store)).map(({ reruns }) => reruns.length)).toEqual([1, 1]);
    // One is dialled and prevents a second call; nothing of the other is needed.
    const other = { id: '', partnerId: first.id, type: 'late', mobile: mobileOf(2) };
    await withClockOffset(-499 * day, async () => {
      expect(await cancel(store, { ...other, id: currentIdentifier() })).toMatchObject({
        outcome: 'cancelled',
      });
    });
    await deliverDue(store);
    expect(await prune()).toMatchObject({ submissions: 2, cancellations: 1, leads: 1 });
    expect((await leadsIn(store)).map(({ state, mobile: number }) => [state, number])).toEqual([
      ['dialled', mobileOf(1)],
    ]);
    expect(await store.submit(from(first.id, { mobile: mobileOf(1), type: 'late' }))).toMatchObject({
      outcome: 'existing-contact',
    });
  });

  test('prunes the earlier leads of a person with the submission of the latest', async () => {
    const { store, first, from } = await seeded(open(), day);
    for (const days of [500, 450]) {
      await withClockOffset(-days * day, async () => {
        expect(await store.submit(from(first.id, { id: currentIdentifier() }))).toMatchObject({
          outcome: 'accepted',
        });
        await deliverDue(store);
      });
      expect(await pruneAll(store, Date.now() - (days - 10) * day)).toMatchObject({
        submissions: 1,
        attempts: 1,
      });
    }
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['dialled']);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  });
});

const storeKeys = StoreKeys.parse('ab'.repeat(32), 'the test');

describe('copy', () => {
  const openPostgres = async () => closeAfterTest(await openPostgresStore(await storeDatabase()));

  test.each([
    ['SQLite', 'PostgreSQL', async () => openStore(), openPostgres],
    ['PostgreSQL', 'SQLite', openPostgres, async () => openStore()],
  ])(
    'copies everything from %s to %s, and the target continues to work',
    async (_from, _to, openSource, openTarget) => {
      const { store: source, first, from } = await filledStore(openSource());
      await source.pauseDelivery({ type: undefined, by: 'dialler', reason: 'login incorrect' });
      await source.pauseDelivery({ type: 'motor', by: 'operator', reason: 'maintenance' });
      await source.recordSettings({ DEFAULT_COUNTRY: 'FR' });
      const [failed] = await Array.fromAsync(source.leads({ mobile: mobileOf(102) }, 1));
      const failedId = failed?.id ?? '';
      await source.resolveLead(failedId, false);
      source.actAs({ operator: 'alice', host: 'localhost', command: 'type add' });
      await source.addType('former', null);
      await source.renameType('former', 'renamed');
      const rejection = { operation: 'addLead', outcome: 'invalid', reason: 'a reason', lastRequestId: 'id' };
      await source.recordRejections([{ ...rejection, partnerId: first.id, day: 0, count: 1, lastAt: 1 }]);
      await source.recordAccepted([{ partnerId: first.id, day: 0, accepted: 1 }]);
      await source.setDailyQuota('first', 7);
      await source.addRows(tableNamed('maintenance_run'), [['backup', 1]]);
      await source.addRows(tableNamed('suppression'), [[mobileOf(1), 0, 'operator', '', null, 1, 1, null]]);
      const list = await source.beginRegistryList('tps', 1, undefined);
      await source.addToRegistryList(list, [mobileOf(1)]);
      await source.completeRegistryList(list);
      await source.addRows(tableNamed('screening'), [[mobileOf(1), 'http', 0, null, 1, 2]]);
      await source.addRows(tableNamed('delivery_gap'), [['motor', 1, 2]]);
      await source.addRows(tableNamed('withdrawal'), [
        [failedId, 'cancellation', 1, 1, null, 1, 'too-late', 2, 'too late', null],
      ]);
      await source.setWebhook('first', 'https://hooks.example', { salt: 'salt', keyId: 'key' });
      const events = { partnerId: first.id, limit: 1 };
      await source.partnerEvents({ ...events, after: undefined });
      await source.recordWebhookAttempts('none', [
        {
          eventId: (await source.partnerEvents({ ...events, after: undefined }))?.events[0]?.id ?? '',
          startedAt: 1,
          endedAt: 2,
          outcome: 'failed',
          response: 'HTTP 500',
          nextAttemptAt: null,
        },
      ]);
      await source.addRows(tableNamed('call_result'), [[failedId, 'call', 'NI', null, 1, 2, 3]]);
      await source.addRows(tableNamed('sent_other_phone'), [[failedId, mobileOf(1)]]);
      await source.addRows(tableNamed('erasure'), [['digest', 1, 'key', null]]);
      const contacted = storeKeys.current.personDigest(mobileOf(8));
      const [typeId = 0] = (await source.namesById()).types.keys();
      await source.addRows(tableNamed('contacted_person'), [[contacted, typeId, Date.now()]]);
      await source.recordStoreKey(storeKeys.current.id);
      const terms = { key: storeKeys.current, parsePhone: () => undefined, limit: 1_000 };
      while ((await source.appendEvidence(terms)) > 0);
      await source.addRows(tableNamed('evidence_pending'), [
        ['pending', 'objection', mobileOf(102), 1, '{}'],
      ]);
      const target = await openTarget();
      const copied = await copyStore(source, target, noProgress);
      expect(copied.map(({ name }) => name)).toEqual(tablesToCopy.map(({ name }) => name));
      expect(copied.filter(({ rows }) => rows === 0).map(({ name }) => name)).toEqual([]);
      expect(await leadsIn(target)).toEqual(await leadsIn(source));
      expect(await target.pauses()).toEqual(await source.pauses());
      expect(await target.settings()).toEqual(await source.settings());
      const { head } = await verifyEvidence(source, storeKeys);
      expect(await verifyEvidence(target, storeKeys, head && [head])).toMatchObject({ faults: [], head });
      for (const type of [undefined, 'motor']) await target.resumeDelivery(type);
      expect(await Array.fromAsync(target.cancellations(mobileOf(103)))).toEqual(
        await Array.fromAsync(source.cancellations(mobileOf(103))),
      );
      expect(await target.keyHolder('digest')).toMatchObject({
        keyId: 'key',
        partner: first,
        limit: { perSecond: 5, burst: 10 },
        dailyQuota: 7,
      });
      const scheduled = { partnerId: first.id, type: 'motor', mobile: mobileOf(104) };
      expect(
        await target.submit(from(first.id, { mobile: mobileOf(104) }), { key: 'day-1', fingerprint: 'four' }),
      ).toMatchObject({ outcome: 'accepted', isReplay: true });
      expect(await target.submit(from(first.id, { mobile: mobileOf(104) }))).toMatchObject({
        outcome: 'already-scheduled',
      });
      expect(await cancel(target, scheduled)).toMatchObject({ outcome: 'cancelled' });
      // Generated numbers continue after the copied ones.
      await target.dismissLead(failedId);
      const actions = await Array.fromAsync(target.leadActions(mobileOf(102)));
      expect(actions.map(({ action }) => action)).toEqual(['resolved-not-delivered', 'dismissed']);
      await target.addType('new', null);
      await target.addPartner('third', ['new']);
      target.useKeys(storeKeys);
      expect(await target.submit(from(first.id, { mobile: mobileOf(8) }))).toMatchObject({
        outcome: 'existing-contact',
      });
      await target.submit(from(first.id, { mobile: mobileOf(7) }));
      await deliverDue(target);
      const [unknown] = await Array.fromAsync(target.submissions({ outcome: 'unknown-type' }, 1));
      await target.rerunSubmission(unknown?.id ?? '');
      // So does the order of what was copied and of what arrives now.
      const copied103 = await Array.fromAsync(target.submissions({ mobile: mobileOf(103) }, 1));
      await expect(target.rerunSubmission(copied103[0]?.id ?? '')).rejects.toThrow('was not scheduled');
      const copied104 = await Array.fromAsync(target.submissions({ mobile: mobileOf(104) }, 10));
      await expect(target.rerunSubmission(copied104.at(-1)?.id ?? '')).rejects.toThrow('was not scheduled');
      await target.submit(from(first.id, { mobile: mobileOf(103), delays: 60 }));
      expect(await cancel(target, { ...scheduled, mobile: mobileOf(103) })).toMatchObject({
        outcome: 'cancelled',
      });
      // The chain goes on where it ended, with what was not in it yet.
      while ((await target.appendEvidence(terms)) > 0);
      expect(await verifyEvidence(target, storeKeys, head && [head])).toMatchObject({ faults: [] });
      expect((await target.evidenceOf(mobileOf(102))).map(({ kind }) => kind)).toContain('objection');
    },
  );

  test('numbers new rows above all copied rows, regardless of the order in which pages were added', async () => {
    const { store: source, first, from } = await seeded(openStore());
    for (let count = 0; count < 5; count += 1) await source.submit(from(first.id));
    const { store: target } = await seeded(openPostgres());
    const table = tablesToCopy.find(({ name }) => name === 'submission');
    if (table === undefined) throw new Error('The table of submissions is missing.');
    const place = table.columns.indexOf('sequence');
    const copied = await source.rows(table, undefined, 100);
    const largestFirst = copied.toSorted((one, other) => Number(other[place]) - Number(one[place]));
    for (const row of largestFirst) await target.addRows(table, [row]);
    const submission = from(first.id);
    await target.submit(submission);
    const all = await target.rows(table, undefined, 100);
    const added = all.find(([id]) => id === submission.id);
    expect(all).toHaveLength(copied.length + 1);
    expect(Number(added?.[place])).toBeGreaterThan(Number(largestFirst[0]?.[place]));
  });

  test('continues an interrupted copy where it ended', async () => {
    const { store: source } = await filledStore(openStore());
    const target = await openPostgres();
    let calls = 0;
    const interrupted: Tables = {
      ...target,
      addRows: (table, rows) => {
        calls += 1;
        if (table.name === 'submission') throw new Error('Connection lost.');
        return target.addRows(table, rows);
      },
    };
    await expect(copyStore(source, interrupted, noProgress)).rejects.toThrow('Connection lost.');
    const before = calls;
    const copiedTables: string[] = [];
    const watched: Tables = {
      ...target,
      addRows: (table, rows) => {
        copiedTables.push(table.name);
        return target.addRows(table, rows);
      },
    };
    await copyStore(source, watched, noProgress);
    expect(before).toBe(6);
    expect(copiedTables).toEqual(['submission', 'idempotency_record', 'rerun', 'attempt', 'partner_event']);
    expect(await submissionsIn(target)).toHaveLength((await submissionsIn(source)).length);
  });

  test('rejects a source that is empty, as one with a misspelt URL may be', async () => {
    const [source, target] = [openStore(), openStore()];
    await expect(copyStore(source, target, noProgress)).rejects.toThrow(
      'The source store is empty, so nothing was copied. Check its URL.',
    );
  });

  test('refuses a target with other rows, and does not change it', async () => {
    const { store: source } = await filledStore(openStore());
    const { store: target } = await seeded(openPostgres());
    await target.addType('theirs', null);
    await target.addType('more', null);
    await expect(copyStore(source, target, noProgress)).rejects.toThrow(UserError);
    expect(await leadsIn(target)).toEqual([]);
  });

  test('finds a difference in a single value', async () => {
    const { store: source } = await filledStore(openStore());
    const url = await storeDatabase();
    const target = closeAfterTest(await openPostgresStore(url));
    await copyStore(source, target, noProgress);
    await asAdministrator(url, `UPDATE lead SET attempts = attempts + 1 WHERE state = 'cancelled'`);
    await expect(copyStore(source, target, noProgress)).rejects.toThrow('Table lead differs');
  });
});

describe('backup', () => {
  test('backs up one state of a store that is written to meanwhile', async () => {
    const directory = temporaryDirectory();
    const { store, first, from } = await seeded(closeAfterTest(openSqliteStore(join(directory, 'leads.db'))));
    let isDone = false;
    let written = 0;
    const writing = (async () => {
      for (; !isDone; written += 1) await store.submit(from(first.id, { mobile: mobileOf(written) }));
    })();
    const other = closeAfterTest(openSqliteStore(join(directory, 'leads.db')));
    const file = join(directory, 'copy.db');
    await expect.poll(async () => (await leadsIn(other)).length).toBeGreaterThan(100);
    const before = written;
    await other.backup(file);
    expect(written).toBeGreaterThan(before);
    isDone = true;
    await writing;
    const copy = closeAfterTest(openSqliteStore(file));
    const leads = await leadsIn(copy);
    expect(leads.length).toBeGreaterThanOrEqual(100);
    expect((await submissionsIn(copy)).map(({ leadId }) => leadId)).toEqual(leads.map(({ id }) => id));
  });

  test('is complete even if its time cannot be recorded', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'leads.db');
    const store = closeAfterTest(openSqliteStore(path, { ...defaultLimits, lockTimeout: 10 }));
    const lock = holdWriteLock(path);
    const error = await store.backup(join(directory, 'copy.db'));
    expect(String(error)).toContain('Another process holds the lock');
    lock.release();
    expect(await store.lastBackupAt()).toBeUndefined();
    closeAfterTest(openSqliteStore(join(directory, 'copy.db')));
  });

  test('does not overwrite a file that exists', async () => {
    const file = join(temporaryDirectory(), 'other.db');
    new DatabaseSync(file).close();
    const store = openStore();
    await expect(store.backup(file)).rejects.toThrow('already exists');
    expect(existsSync(file)).toBe(true);
  });
});
