/** A lead that is printed is called by whoever reads it: it must not be printed twice, and none may be lost unseen. */
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { takeDue } from '../../src/cli/take.ts';
import { defaultLimits } from '../../src/store/sqlite/durability/commit-queue.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { DueLead, Store } from '../../src/store/store.ts';
import { claim, leadsIn, record, temporaryDirectory } from '../harness/server.ts';
import { closing, furnished, stores } from '../store/stores.ts';

async function withDue(opening: Promise<Store>, count: number) {
  const { store, first, from } = await furnished(opening);
  for (let index = 0; index < count; index += 1) {
    await store.submit(from(first.id, { mobile: `+44784${String(index).padStart(7, '0')}` }));
  }
  const remarks: string[] = [];
  const session = { store, dialWithin: undefined, remark: (text: string) => void remarks.push(text) };
  return { store, session, remarks };
}

/** An output that keeps what was printed, and stalls at a step until it is released. */
function output(stallAt = Number.POSITIVE_INFINITY) {
  const printed: string[] = [];
  let steps = 0;
  let release = () => {};
  let hasStalled = () => {};
  const stalled = new Promise<void>((resolve) => {
    hasStalled = resolve;
  });
  const print = async (leads: readonly DueLead[]) => {
    steps += 1;
    printed.push(...leads.map(({ id }) => id));
    if (steps !== stallAt) return;
    await new Promise<void>((resolve) => {
      release = resolve;
      hasStalled();
    });
  };
  return { printed, print, stalled, release: () => release() };
}

const step = 5;
const lease = 60_000;

function idsOf(leads: readonly { id: string }[]): string[] {
  return leads.map(({ id }) => id).toSorted();
}

describe.each(stores.filter(({ name }) => name !== 'SQLite in memory'))('$name', ({ open }) => {
  test('while the output stalls the lease of its leads is renewed in time, again and again', async () => {
    const { store, session } = await withDue(open(), 10);
    const { printed, print, stalled, release } = output(2);
    const renewing = vi.spyOn(store, 'renewLease');
    const timing = vi.spyOn(globalThis, 'setInterval');
    const lease = 300;
    const taking = takeDue(session, 12, print, { step, lease });
    await stalled;
    expect(timing.mock.lastCall?.[1]).toBeLessThanOrEqual(lease / 2);
    timing.mockRestore();
    // The step before is recorded, and only the stalled one is leased.
    expect(printed).toHaveLength(10);
    expect((await store.workload()).byState).toMatchObject({ dialled: 5, scheduled: 5 });
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
    expect((await store.workload()).byState).toMatchObject({ dialled: 10, scheduled: 0 });
  });

  test('a lead that another process got while this one was held up is named', async () => {
    const { store, session } = await withDue(open(), 5);
    // As if the whole process were suspended: no timer runs.
    vi.spyOn(globalThis, 'setInterval').mockReturnValueOnce(undefined as unknown as NodeJS.Timeout);
    const { printed, print, stalled, release } = output(1);
    const taking = takeDue(session, 7, print, { step, lease: 20 });
    await stalled;
    await vi.waitFor(async () => expect(await claim(store, 'other', { limit: 2 })).toHaveLength(2), {
      timeout: 10_000,
    });
    vi.restoreAllMocks();
    release();
    const message = await taking.then(String, ({ message }) => String(message));
    expect(message).toMatch(/^This process was held up for longer than 0\.02 seconds\./);
    const named = printed.filter((id) => message.includes(id));
    expect(named).toHaveLength(2);
    // They were printed all the same.
    expect((await store.workload()).byState).toMatchObject({ dialled: 5 });
  });
});

test('more leads are taken than may wait for the store at once', async () => {
  const file = join(temporaryDirectory(), 'leads.db');
  const opening = Promise.resolve(closing(openSqliteStore(file, { ...defaultLimits, capacity: 60 })));
  const { store, session } = await withDue(opening, 310);
  const { printed, print } = output();
  expect(await takeDue(session, 10_000, print)).toBe(310);
  expect(new Set(printed).size).toBe(310);
  expect((await store.workload()).byState).toMatchObject({ dialled: 310, scheduled: 0 });
});

const [sqlite] = stores;
const openOne = () => (sqlite as (typeof stores)[number]).open();

test('what is printed and not recorded is named, and nothing further is printed', async () => {
  const { store, session } = await withDue(openOne(), 12);
  const { printed, print } = output();
  const recording = store.recordAttempt.bind(store);
  let calls = 0;
  vi.spyOn(store, 'recordAttempt').mockImplementation(async (...of) => {
    calls += 1;
    if (calls === 7 || calls === 9) throw new Error('disk full');
    await recording(...of);
  });
  const message = await takeDue(session, 12, print, { step, lease }).then(String, ({ message }) => message);
  expect(message).toBe(
    `The store failed (disk full). These leads were printed and may not be recorded as delivered; drop them by their ids if they are printed again: ${printed[6]} ${printed[8]}`,
  );
  expect(printed).toHaveLength(10);
  const scheduled = (await leadsIn(store)).filter(({ state }) => state === 'scheduled');
  expect(idsOf(scheduled)).toHaveLength(4);
  expect(idsOf(scheduled)).toEqual(expect.arrayContaining([printed[6], printed[8]]));
});

test('if the output breaks off its step is named and due again, and the steps before it are delivered', async () => {
  const { store, session } = await withDue(openOne(), 12);
  const { printed, print } = output();
  let steps = 0;
  const breaking = async (leads: readonly DueLead[]) => {
    steps += 1;
    await print(leads);
    if (steps === 2) throw new Error('write EPIPE');
  };
  const message = await takeDue(session, 12, breaking, { step, lease }).then(
    String,
    ({ message }) => message,
  );
  expect(message).toBe(
    `The output broke off (write EPIPE). These leads may have been printed, are not recorded as delivered, and are due again in 60 seconds: ${printed.slice(5).join(' ')}`,
  );
  expect((await store.workload()).byState).toMatchObject({ dialled: 5, scheduled: 7 });
  expect((await claim(store, 'next')).map(({ id }) => id)).toHaveLength(2);
});

test('leads that are too old do not end a take, and are told of once', async () => {
  const { store, session, remarks } = await withDue(openOne(), 12);
  const claiming = vi.spyOn(store, 'claimDue');
  claiming
    .mockResolvedValueOnce({ leads: [], tooLate: 50, undecided: 2 })
    .mockResolvedValueOnce({ leads: [], tooLate: 1, undecided: 1 });
  const { printed, print } = output();
  expect(await takeDue({ ...session, dialWithin: 3_600_000 }, 7, print, { step, lease })).toBe(7);
  expect(printed).toHaveLength(7);
  expect(claiming.mock.calls.map(([{ limit }]) => limit)).toEqual([5, 5, 5, 2]);
  expect(remarks).toEqual([
    'Left out, since they are too old to be rung (DIAL_WITHIN): 51.',
    'The dialler may have 3 of them: decide with `leads lead resolve`.',
  ]);
  const [{ notDueBefore = 0 } = {}] = claiming.mock.calls[0] ?? [];
  expect(Math.abs(Date.now() - 3_600_000 - notDueBefore)).toBeLessThan(60_000);
});

test('a lead whose attempt is retried by its dispatcher is not printed', async () => {
  const { store, session } = await withDue(openOne(), 2);
  const [lead] = await claim(store, 'dispatcher', { limit: 1 });
  const { printed, print } = output();
  expect(await takeDue(session, 5, print)).toBe(1);
  expect(printed).not.toContain(lead?.id);
  await record(store, 'dispatcher', lead?.id ?? '', 'delivered');
});
