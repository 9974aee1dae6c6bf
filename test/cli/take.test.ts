/** A printed lead is called by its reader, so it must not be printed twice, and none may be lost silently. */

import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { takeDue } from '../../src/cli/take.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import type { DueLead } from '../../src/store/delivery.ts';
import { defaultLimits } from '../../src/store/sqlite/durability/commit-queue.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { claimedLead } from '../delivery/claimed-lead.ts';
import { mobileOf } from '../harness/mobile.ts';
import { claim, leadsIn, record, temporaryDirectory } from '../harness/server.ts';
import { operatorEntry } from '../harness/suppressions.ts';
import { closeAfterTest, seeded, stores } from '../store/stores.ts';

const parsePhone = phoneParsers('GB').parse;

async function withDue(opening: Promise<Store>, count: number) {
  const { store, first, from } = await seeded(opening);
  for (let index = 0; index < count; index += 1) {
    await store.submit(from(first.id, { mobile: mobileOf(index) }));
  }
  const notes: string[] = [];
  const session = {
    store,
    dialWithin: undefined,
    callsPerDay: undefined,
    parsePhone,
    defaultCountry: 'GB' as const,
    note: (text: string) => void notes.push(text),
  };
  return { store, session, notes };
}

/** Creates an output that records what is printed, and stalls at a batch until it is released. */
function recordingOutput(stallAt = Number.POSITIVE_INFINITY) {
  const printed: string[] = [];
  let batches = 0;
  let release = () => {};
  let hasStalled = () => {};
  const stalled = new Promise<void>((resolve) => {
    hasStalled = resolve;
  });
  const print = async (leads: readonly DueLead[]) => {
    batches += 1;
    printed.push(...leads.map(({ id }) => id));
    if (batches !== stallAt) return;
    await new Promise<void>((resolve) => {
      release = resolve;
      hasStalled();
    });
  };
  return { printed, print, stalled, release: () => release() };
}

const batchSize = 5;
const lease = 60_000;

function idsOf(leads: readonly { id: string }[]): string[] {
  return leads.map(({ id }) => id).toSorted();
}

describe.each(stores.filter(({ name }) => name !== 'SQLite in memory'))('$name', ({ open }) => {
  test('renews the lease of a batch while the output stalls', async () => {
    const { store, session } = await withDue(open(), 10);
    const { printed, print, stalled, release } = recordingOutput(2);
    const renewing = vi.spyOn(store, 'renewLease');
    const timing = vi.spyOn(globalThis, 'setInterval');
    const lease = 300;
    const taking = takeDue(session, 12, print, { batchSize, lease });
    await stalled;
    expect(timing.mock.lastCall?.[1]).toBeLessThanOrEqual(lease / 2);
    timing.mockRestore();
    // The batch before is recorded, and only the stalled one is leased.
    expect(printed).toHaveLength(10);
    expect((await store.leadStats()).byState).toMatchObject({ dialled: 5, scheduled: 5 });
    for (let renewals = 0; renewals < 3; renewals += 1) {
      const end = (await store.nextAttemptAt()) ?? 0;
      const calls = renewing.mock.calls.length;
      await vi.waitFor(async () => {
        expect(renewing.mock.calls.length).toBeGreaterThan(calls);
        expect(await store.nextAttemptAt()).toBeGreaterThan(end);
      }, 20_000);
    }
    expect(renewing.mock.lastCall).toEqual([expect.any(String), printed.slice(5), lease]);
    release();
    expect(await taking).toBe(10);
    expect((await store.leadStats()).byState).toMatchObject({ dialled: 10, scheduled: 0 });
  });

  test('reports leads that another process claimed while this one was suspended', async () => {
    const { store, session } = await withDue(open(), 5);
    // Simulates a suspended process: no timer runs.
    vi.spyOn(globalThis, 'setInterval').mockReturnValueOnce(undefined as unknown as NodeJS.Timeout);
    const { printed, print, stalled, release } = recordingOutput(1);
    const taking = takeDue(session, 7, print, { batchSize, lease: 20 });
    await stalled;
    await vi.waitFor(async () => expect(await claim(store, 'other', { limit: 2 })).toHaveLength(2), {
      timeout: 10_000,
    });
    vi.restoreAllMocks();
    release();
    const message = await taking.then(String, ({ message }) => String(message));
    expect(message).toMatch(
      /^This process was suspended, or could not reach the store, for longer than 0\.02 seconds\./,
    );
    const named = printed.filter((id) => message.includes(id));
    expect(named).toHaveLength(2);
    // They were printed in any case.
    expect((await store.leadStats()).byState).toMatchObject({ dialled: 5 });
  });
});

test('prints more leads than the queue of the store can hold', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const opening = Promise.resolve(closeAfterTest(openSqliteStore(file, { ...defaultLimits, capacity: 60 })));
  const { store, session } = await withDue(opening, 310);
  const { printed, print } = recordingOutput();
  expect(await takeDue(session, 10_000, print)).toBe(310);
  expect(new Set(printed).size).toBe(310);
  expect((await store.leadStats()).byState).toMatchObject({ dialled: 310, scheduled: 0 });
});

const [sqlite] = stores;
const openOne = () => (sqlite as (typeof stores)[number]).open();

test('reports leads that were printed but not recorded, and prints no further batch', async () => {
  const { store, session } = await withDue(openOne(), 12);
  const { printed, print } = recordingOutput();
  const recording = store.recordAttempt.bind(store);
  let calls = 0;
  vi.spyOn(store, 'recordAttempt').mockImplementation(async (...of) => {
    calls += 1;
    if (calls === 7 || calls === 9) throw new Error('disk full');
    return recording(...of);
  });
  const message = await takeDue(session, 12, print, { batchSize, lease }).then(
    String,
    ({ message }) => message,
  );
  expect(message).toBe(
    `The store failed (disk full). These leads were printed but may not be recorded as delivered; if they are printed again, skip them by id: ${printed[6]} ${printed[8]}`,
  );
  expect(printed).toHaveLength(10);
  const scheduled = (await leadsIn(store)).filter(({ state }) => state === 'scheduled');
  expect(idsOf(scheduled)).toHaveLength(4);
  expect(idsOf(scheduled)).toEqual(expect.arrayContaining([printed[6], printed[8]]));
});

test('reports the batch whose output failed; it is due again, and earlier batches are delivered', async () => {
  const { store, session } = await withDue(openOne(), 12);
  const { printed, print } = recordingOutput();
  let batches = 0;
  const failingPrint = async (leads: readonly DueLead[]) => {
    batches += 1;
    await print(leads);
    if (batches === 2) throw new Error('write EPIPE');
  };
  const message = await takeDue(session, 12, failingPrint, { batchSize, lease }).then(
    String,
    ({ message }) => message,
  );
  expect(message).toBe(
    `Writing the output failed (write EPIPE). These leads may have been printed but are not recorded as delivered, and are due again in 60 seconds: ${printed.slice(5).join(' ')}`,
  );
  expect((await store.leadStats()).byState).toMatchObject({ dialled: 5, scheduled: 7 });
  expect((await claim(store, 'next')).map(({ id }) => id)).toHaveLength(2);
});

test('continues after leads past DIAL_WITHIN, and reports them once', async () => {
  const { store, session, notes } = await withDue(openOne(), 12);
  const claiming = vi.spyOn(store, 'claimDue');
  const late = Array.from({ length: 5 }, (_, index) => claimedLead({}, { id: `late-${index}`, dueAt: 0 }));
  claiming.mockResolvedValueOnce(late).mockResolvedValueOnce(late);
  vi.spyOn(store, 'endTooLate')
    .mockResolvedValueOnce({ expired: Array(48).fill('expired'), undecided: ['one', 'two'] })
    .mockResolvedValueOnce({ expired: [], undecided: ['three'] });
  const { printed, print } = recordingOutput();
  expect(await takeDue({ ...session, dialWithin: 3_600_000 }, 7, print, { batchSize, lease })).toBe(7);
  expect(printed).toHaveLength(7);
  expect(claiming.mock.calls.map(([{ limit }]) => limit)).toEqual([5, 5, 5, 2]);
  expect(notes).toEqual([
    'Not delivered because DIAL_WITHIN has passed: 51.',
    'The dialler may have 3 of them. Run `leads lead list --undecided` to list them.',
  ]);
});

test('reports leads past their expires_at', async () => {
  const { store, session, notes } = await withDue(openOne(), 2);
  vi.spyOn(store, 'claimDue').mockResolvedValueOnce([claimedLead({}, { expiresAt: Date.now() })]);
  vi.spyOn(store, 'endTooLate').mockResolvedValueOnce({ expired: ['one'], undecided: [] });
  const { printed, print } = recordingOutput();
  await takeDue(session, 3, print, { batchSize, lease });
  expect(printed).toHaveLength(2);
  expect(notes).toEqual(['Not delivered because their expires_at has passed: 1.']);
});

test('does not print leads of people who objected, not even if they object while the store responds', async () => {
  const { store, session, notes } = await withDue(openOne(), 4);
  const claiming = store.claimDue.bind(store);
  const objected: string[] = [];
  const object = async (mobile = '') => {
    objected.push(mobile);
    await store.addSuppressions([operatorEntry(mobile)]);
  };
  vi.spyOn(store, 'claimDue').mockImplementationOnce(async (terms) => {
    const result = await claiming(terms);
    await object(result[0]?.mobile);
    return result;
  });
  const asking = store.suppressedNumbers.bind(store);
  vi.spyOn(store, 'suppressedNumbers').mockImplementationOnce(async (...of) => {
    const found = await asking(...of);
    await object((await leadsIn(store)).find(({ mobile }) => !objected.includes(mobile))?.mobile);
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 2_001);
    onTestFinished(() => clock.mockRestore());
    return found;
  });
  const { printed, print } = recordingOutput();
  expect(await takeDue(session, 4, print)).toBe(2);
  const states = (await leadsIn(store)).map(({ id, mobile, state }) => ({ id, mobile, state }));
  expect(
    states
      .filter(({ state }) => state === 'withdrawing')
      .map(({ mobile }) => mobile)
      .toSorted(),
  ).toEqual(objected.toSorted());
  expect(idsOf(states.filter(({ state }) => state === 'dialled'))).toEqual(printed.toSorted());
  expect(notes).toEqual(['Not delivered because their people are in the do-not-call list: 2.']);
});

test('does not print a lead that a dispatcher is delivering', async () => {
  const { store, session } = await withDue(openOne(), 2);
  const [lead] = await claim(store, 'dispatcher', { limit: 1 });
  const { printed, print } = recordingOutput();
  expect(await takeDue(session, 5, print)).toBe(1);
  expect(printed).not.toContain(lead?.id);
  await record(store, 'dispatcher', lead?.id ?? '', 'delivered');
});
