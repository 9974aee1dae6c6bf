/** The figures that operators and partners bill and are billed by. */
import { expect } from 'vitest';
import { Report, type ReportGrouping, type ReportRow } from '../../../src/leads/report.ts';
import { readReport } from '../../../src/store/read-report.ts';
import type { ReportFilter } from '../../../src/store/reports.ts';
import type { Store } from '../../../src/store/store.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { claim, record } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { withClockOffset } from '../clock.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, type Open } from './behaviour.ts';

const day = 24 * hour;

const always: ReportFilter = { from: 0, before: Date.UTC(2100), partner: undefined };

/** Submits leads with every outcome for one partner, and one for another. Delivers some of those that were accepted. */
async function filled(open: Open) {
  const all = await seeded(open());
  const { store, first, second, from } = all;
  const submit = (partnerId: number, index: number, type = 'motor') =>
    store.submit(from(partnerId, { mobile: mobileOf(index), type }));
  for (const index of [0, 1, 2, 0]) await submit(first.id, index);
  await submit(first.id, 3, 'unknown');
  await submit(second.id, 4);
  await store.addSuppressions([operatorEntry(mobileOf(5))]);
  await submit(first.id, 5);
  return all;
}

/** Delivers due leads, each of them a number of milliseconds after its call was due. */
async function deliver(store: Store, after: readonly number[]): Promise<void> {
  const leads = await claim(store, 'test', { limit: after.length });
  for (const [index, { id, dueAt }] of leads.entries()) {
    const endedAt = dueAt + (after[index] ?? 0);
    const attempt = {
      leadId: id,
      startedAt: dueAt,
      endedAt,
      outcome: 'delivered',
      response: 'HTTP 204',
    } as const;
    await store.recordAttempt('test', attempt, undefined);
  }
}

async function rowsBy(by: ReportGrouping, store: Store, filter: Partial<ReportFilter> = {}) {
  const { rows } = await readReport(store, by, { ...always, ...filter });
  return new Map<string | null, ReportRow>(rows.map((row) => [row.group, row]));
}

export const reports: Behaviours = {
  'counts the outcomes of each partner, and what became of its leads': async (open) => {
    const { store, first } = await filled(open);
    await deliver(store, [1_000, 4_000]);
    const lead = (await claim(store, 'test', { limit: 1 }))[0];
    await record(store, 'test', lead?.id ?? '', 'rejected');
    await store.recordRejections([
      {
        partnerId: first.id,
        operation: 'addLead',
        outcome: 'validation-failed',
        reason: 'Mobile cannot be blank.',
        day: Date.UTC(2026, 10, 23),
        count: 3,
        lastAt: 1,
        lastRequestId: 'one',
      },
      // Only leads are counted.
      {
        partnerId: first.id,
        operation: 'cancelLead',
        outcome: 'validation-failed',
        reason: 'Mobile cannot be blank.',
        day: Date.UTC(2026, 10, 23),
        count: 5,
        lastAt: 1,
        lastRequestId: 'two',
      },
    ]);
    const rows = await rowsBy('partner', store);
    expect([...rows.keys()]).toEqual(['first', 'second']);
    expect(rows.get('first')).toMatchObject({
      requests: 9,
      accepted: 3,
      duplicates: 1,
      unknownTypes: 1,
      doNotCall: 1,
      rejected: 3,
      rejectedByReason: new Map([['Mobile cannot be blank.', 3]]),
      states: { scheduled: 0, dialled: 2, failed: 1, cancelled: 0, expired: 0, suppressed: 0 },
      medianDeliveryTime: 2_500,
    });
    expect(rows.get('second')).toMatchObject({ requests: 1, accepted: 1, states: { scheduled: 1 } });
    expect((await rowsBy('partner', store, { partner: 'second' })).size).toBe(1);
    await expect(rowsBy('partner', store, { partner: 'nobody' })).rejects.toThrow('does not exist');
    const { total } = await readReport(store, 'partner', always);
    expect(total).toMatchObject({ requests: 10, accepted: 4, medianDeliveryTime: 2_500 });
  },

  'groups by day, type and outcome, with unknown types last': async (open) => {
    const { store, first, from } = await filled(open);
    const yesterday = Date.now() - day;
    await withClockOffset(-day, () =>
      store.submit(from(first.id, { mobile: mobileOf(9), receivedAt: yesterday })),
    );
    const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);
    const days = await rowsBy('day', store);
    expect([...days].map(([group, { requests }]) => [group, requests])).toEqual([
      [dayOf(yesterday), 1],
      [dayOf(Date.now()), 7],
    ]);
    const since = { from: Date.now() - hour };
    expect(
      [...(await rowsBy('type', store, since))].map(([group, { requests }]) => [group, requests]),
    ).toEqual([
      ['motor', 6],
      [null, 1],
    ]);
    const before = { before: Date.now() - hour };
    expect([...(await rowsBy('outcome', store, before)).keys()]).toEqual(['accepted']);
    expect([...(await rowsBy('outcome', store)).keys()]).toEqual([
      'accepted',
      'already-scheduled',
      'do-not-call',
      'unknown-type',
    ]);
  },

  'counts the latest result of each delivered lead': async (open) => {
    const { store } = await filled(open);
    await deliver(store, [0, 0]);
    const delivered = await Array.fromAsync(store.leads({ state: 'dialled' }, 10));
    for (const [index, { id: leadId }] of [...delivered, ...delivered].entries()) {
      const result = index < 3 ? 'no-answer' : 'converted';
      await store.recordCallResult({
        leadId,
        callId: String(index),
        code: result,
        result,
        calledAt: index,
        talkTime: null,
        receivedAt: index,
        dialler: 'webhook',
        types: undefined,
      });
    }
    const { total } = await readReport(store, 'partner', always);
    expect(total.results).toMatchObject({ 'no-answer': 1, converted: 1, answered: 0 });
  },

  'counts a submission that was run again with its last outcome, and its lead once': async (open) => {
    const { store, first, from } = await seeded(open());
    const late = from(first.id, { type: 'later' });
    await store.submit(late);
    expect((await readReport(store, 'type', always)).total).toMatchObject({ unknownTypes: 1, accepted: 0 });
    await store.addType('later', null);
    await store.grantType('first', 'later');
    await store.rerunSubmission(late.id);
    const rows = await rowsBy('type', store);
    expect([...rows.keys()]).toEqual(['later']);
    expect(rows.get('later')).toMatchObject({ requests: 1, accepted: 1, states: { scheduled: 1 } });
  },

  'counts everything in a period of many pages': async (open) => {
    const { store, first, from } = await seeded(open());
    await Promise.all(
      Array.from({ length: 450 }, (_, index) => store.submit(from(first.id, { mobile: mobileOf(index) }))),
    );
    expect((await readReport(store, 'day', always)).total.accepted).toBe(450);
    expect(new Report('day').rows).toEqual([]);
  },
};
