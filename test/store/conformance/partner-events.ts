/** The events of partners: what happened to their leads, in an order that never changes. */
import { expect } from 'vitest';
import type { EventPosition } from '../../../src/store/partner-events.ts';
import { cancel, claim, deliverDue, leadsIn } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, type Open, person } from './behaviour.ts';

/** After the identifiers of all tests, some of which set the clock forward. */
const farFuture = 4_000_000_000_000;

const mobileOf = (n: number) => `+4478402588${n + 10}`;

async function withLeads(open: Open, count: number) {
  const all = await seeded(open());
  const { store, first, from } = all;
  for (let n = 0; n < count; n += 1) await store.submit(from(first.id, { mobile: mobileOf(n) }));
  const read = (after?: EventPosition, limit = 100) =>
    store.partnerEvents({ partnerId: first.id, after, limit });
  const kinds = async () => (await read())?.events.map(({ kind }) => kind);
  return { ...all, read, kinds };
}

export const partnerEvents: Behaviours = {
  'records every change of a lead that partners see, and that a lead is accepted not': async (open) => {
    const { store, first, second, from, read, kinds } = await withLeads(open, 0);
    await store.submit(from(first.id));
    expect(await kinds()).toEqual([]);
    await deliverDue(store, 'rejected');
    const [lead] = await leadsIn(store);
    const leadId = lead?.id ?? '';
    await store.dismissLead(leadId);
    await cancel(store, { partnerId: first.id, ...person });
    expect(await kinds()).toEqual(['lead.failed', 'lead.cancelled']);
    await store.submit(from(first.id));
    const late = await claim(store, 'late');
    await store.endTooLate(
      'late',
      late.map(({ id }) => id),
    );
    await store.submit(from(first.id));
    await store.addSuppressions([operatorEntry(person.mobile)]);
    expect(await kinds()).toEqual(['lead.failed', 'lead.cancelled', 'lead.expired', 'lead.suppressed']);
    const [failed] = (await read())?.events ?? [];
    expect(failed).toMatchObject({ leadId, type: 'motor', state: 'failed', result: null, calledAt: null });
    expect(failed?.id).toMatch(/^evt_[0-9a-f]{28}$/);
    expect(Math.abs(Date.now() - (failed?.occurredAt ?? 0))).toBeLessThan(60_000);
    const others = { partnerId: second.id, after: undefined, limit: 100 };
    expect(await store.partnerEvents(others)).toMatchObject({ events: [], more: false });
  },

  'records the results of calls, and a correction only if the result changes': async (open) => {
    const { store, read } = await withLeads(open, 1);
    await deliverDue(store);
    const [lead] = await leadsIn(store);
    const call = {
      leadId: lead?.id ?? '',
      callId: 'call',
      talkTime: null,
      calledAt: 1_000,
      receivedAt: 2_000,
    };
    const report = { ...call, dialler: 'vicidial', types: undefined };
    await store.recordCallResult({ ...report, code: 'XYZ', result: null });
    await store.recordCallResult({ ...report, code: 'NI', result: 'not-interested' });
    await store.recordCallResult({ ...report, code: 'NP', result: 'not-interested' });
    await store.recordCallResult({ ...report, code: 'SALE', result: 'converted' });
    const page = await read();
    expect(page?.events.map(({ kind, result, state }) => [kind, result, state])).toEqual([
      ['lead.dialled', null, 'dialled'],
      ['lead.result', 'not-interested', 'dialled'],
      ['lead.result', 'converted', 'dialled'],
    ]);
    expect(page?.events.at(-1)).toMatchObject({ calledAt: 1_000, occurredAt: 2_000 });
  },

  'returns events in pages, each once': async (open) => {
    const { store, read } = await withLeads(open, 5);
    await deliverDue(store);
    const seen: string[] = [];
    let position: EventPosition | undefined;
    for (const expected of [
      { count: 2, more: true },
      { count: 2, more: true },
      { count: 1, more: false },
      { count: 0, more: false },
    ]) {
      const page = await read(position, 2);
      expect({ count: page?.events.length, more: page?.more }).toEqual(expected);
      seen.push(...(page?.events.map(({ leadId }) => leadId) ?? []));
      position = page?.next;
    }
    expect(seen.toSorted()).toEqual((await leadsIn(store)).map(({ id }) => id).toSorted());
    expect((await read())?.events.map(({ leadId }) => leadId)).toEqual(seen);
  },

  'refuses a position that belongs to another event, or is after the last one': async (open) => {
    const { store, read } = await withLeads(open, 1);
    const start = await read();
    expect(start?.next).toEqual({ sequence: 0, idEnd: undefined });
    await deliverDue(store);
    const page = await read(start?.next);
    expect(page?.events).toHaveLength(1);
    expect(await read(page?.next)).toMatchObject({ events: [], next: page?.next });
    expect(await read({ sequence: 1, idEnd: 'another!' })).toBeUndefined();
    expect(await read({ sequence: 2, idEnd: undefined })).toBeUndefined();
  },

  'refuses a position before events that were deleted, even if nobody had read them': async (open) => {
    const { store, first, from, read } = await withLeads(open, 1);
    await deliverDue(store);
    const page = await read();
    expect(await store.deletePartnerEvents(Date.now() - 60_000)).toBe(0);
    expect(await store.deletePartnerEvents(Date.now() + 60_000)).toBe(1);
    expect(await read(page?.next)).toMatchObject({ events: [], next: page?.next });
    expect(await read({ sequence: 0, idEnd: undefined })).toBeUndefined();
    await store.submit(from(first.id, { mobile: mobileOf(7) }));
    await deliverDue(store);
    expect(await store.deletePartnerEvents(Date.now() + 60_000)).toBe(1);
    expect(await read(page?.next)).toBeUndefined();
    const again = await read();
    expect(again).toMatchObject({ events: [] });
    await store.submit(from(first.id, { mobile: mobileOf(8) }));
    await deliverDue(store);
    expect((await read(again?.next))?.events).toHaveLength(1);
  },

  'accepts a position whose event was deleted with its lead': async (open) => {
    const { store, first, from, read } = await withLeads(open, 1);
    await deliverDue(store, 'rejected');
    const page = await read();
    await cancel(store, { partnerId: first.id, type: 'motor', mobile: mobileOf(0) });
    await store.prune(farFuture, '');
    await store.submit(from(first.id));
    await deliverDue(store);
    expect((await read(page?.next))?.events.map(({ kind }) => kind)).toEqual(['lead.dialled']);
  },
};
