/** Leads of a restored backup are held, and an operator releases or resolves them. */
import { expect } from 'vitest';
import { CancelledLater } from '../../../src/store/cancelled-later.ts';
import { isRestorePause, markRestored } from '../../../src/store/held-leads.ts';
import type { Store } from '../../../src/store/store.ts';
import { cancel, claim, deliverDue, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, tableNamed, waitLongerThan } from './behaviour.ts';

const backup = 'leads.db';

/** Marks a store as restored now, and returns when. */
async function restore(store: Store): Promise<number> {
  await waitLongerThan(1);
  const restoredAt = Date.now();
  await markRestored(store, { backup, restoredAt });
  return restoredAt;
}

/** Returns the recorded actions of operators, oldest first. */
async function actionsIn(store: Store): Promise<unknown[]> {
  return (await store.rows(tableNamed('operator_action'), undefined, 100)).map(([_id, ...row]) => row);
}

/** Fills a store with one lead that is due, and marks the store as restored. */
async function held(open: () => Promise<Store>, changes: { delays?: number } = {}) {
  const all = await seeded(open());
  await all.store.submit(all.from(all.first.id, changes));
  const restoredAt = await restore(all.store);
  const [lead] = await leadsIn(all.store);
  return { ...all, restoredAt, id: lead?.id ?? '' };
}

export const heldLeads: Behaviours = {
  'holds every scheduled lead of a restored backup, and pauses all delivery': async (open) => {
    const { store, first, from } = await seeded(open());
    for (const [mobile, outcome] of [
      ['+447840258824', 'delivered'],
      ['+447840258825', 'rejected'],
    ] as const) {
      await store.submit(from(first.id, { mobile }));
      await deliverDue(store, outcome);
    }
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258826', delays: 60 }));
    await waitLongerThan(1);
    const restoredAt = Date.now();
    const expected = { leads: 2, mayHaveArrived: 1 };
    expect(await store.countScheduled(restoredAt)).toEqual(expected);
    expect(await markRestored(store, { backup, restoredAt })).toEqual(expected);
    expect((await store.leadStats()).byState).toMatchObject({ scheduled: 0, held: 2, dialled: 1, failed: 1 });
    const time = new Date(restoredAt).toISOString().replace(/\.\d+Z$/, 'Z');
    expect(await store.pauses()).toMatchObject([
      {
        type: undefined,
        by: 'operator',
        reason: `Restored from leads.db at ${time}. Before you resume delivery, review the leads (docs/operating/backup-and-restore.md).`,
      },
    ]);
    expect((await store.pauses()).map(isRestorePause)).toEqual([true]);
    const ids = (await leadsIn(store)).filter(({ state }) => state === 'held').map(({ id }) => id);
    const actions = (await actionsIn(store)).toSorted();
    expect(actions).toEqual(ids.map((id) => [id, 'held', restoredAt]).toSorted());
  },

  'flags the held leads that may have been delivered after the backup': async (open) => {
    const { store, first, from } = await seeded(open());
    const add = async (digit: number, delays = 0) => {
      await store.submit(from(first.id, { mobile: `+44784025882${digit}`, delays }));
    };
    await add(1);
    const [unknown] = await claim(store, 'first');
    await record(store, 'first', unknown?.id ?? '', 'unknown', Date.now() + hour);
    await add(2);
    const [down] = await claim(store, 'second');
    await record(store, 'second', down?.id ?? '', 'unavailable', Date.now() + hour);
    await add(3);
    await claim(store, 'in flight', { lease: hour });
    await add(4);
    await add(5, 60);
    await restore(store);
    const leads = (await leadsIn(store)).toSorted((one, other) => (one.mobile < other.mobile ? -1 : 1));
    expect(leads.map(({ state, mayHaveArrived }) => [state, mayHaveArrived])).toEqual([
      ['held', true],
      ['held', false],
      ['held', true],
      ['held', true],
      ['held', false],
    ]);
  },

  'neither delivers held leads nor accepts their people again': async (open) => {
    const { store, first, second, from } = await held(open);
    await store.resumeDelivery(undefined);
    expect(await store.nextAttemptAt()).toBeUndefined();
    expect(await claim(store, 'test')).toEqual([]);
    for (const { id } of [first, second])
      expect(await store.submit(from(id))).toMatchObject({ outcome: 'already-scheduled' });
  },

  'does not cancel a held lead that the dialler may have, and cancels another one': async (open) => {
    const { store, first, from } = await held(open);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({
      outcome: 'already-processed',
    });
    const mobile = '+447840258824';
    await store.submit(from(first.id, { mobile, delays: 60 }));
    await restore(store);
    const later = { partnerId: first.id, type: person.type, mobile };
    expect(await cancel(store, later)).toMatchObject({ outcome: 'cancelled' });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['cancelled', 'held']);
  },

  'changes no lead that is held already when a store is marked again, and keeps the reason of an earlier pause':
    async (open) => {
      const { store, first, from } = await seeded(open());
      await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'The list is being replaced.' });
      await store.submit(from(first.id, { delays: 60 }));
      await restore(store);
      const before = await leadsIn(store);
      await markRestored(store, { backup: undefined, restoredAt: Date.now() + hour });
      expect(await leadsIn(store)).toEqual(before);
      const [pause] = await store.pauses();
      expect(pause?.reason).toMatch(/^Restored from a backup at /);
    },

  'keeps the reason of a restore when an operator pauses delivery again, and appends the latest reason':
    async (open) => {
      const { store } = await seeded(open());
      await restore(store);
      const restoreReason = (await store.pauses())[0]?.reason;
      for (const reason of ['Maintenance.', 'A list is full.']) {
        await store.pauseDelivery({ type: undefined, by: 'operator', reason });
      }
      await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'A single type.' });
      const pauses = await store.pauses();
      expect(pauses.map(({ reason }) => reason)).toEqual([
        `${restoreReason} Paused again: A list is full.`,
        'A single type.',
      ]);
      expect(pauses.map(isRestorePause)).toEqual([true, false]);
      await restore(store);
      expect((await store.pauses())[0]?.reason).not.toContain('A list is full.');
      await store.resumeDelivery(undefined);
      await store.pauseDelivery({ type: undefined, by: 'operator', reason: 'Maintenance.' });
      expect((await store.pauses())[0]?.reason).toBe('Maintenance.');
    },

  'delivers a released lead as a possible repeat, at its due time': async (open) => {
    const { store, id } = await held(open);
    await store.resumeDelivery(undefined);
    const woken = new Promise<void>((resolve) => store.onChange(resolve));
    expect(await store.releaseLead(id)).toEqual({ mayHaveArrived: true, cancellations: [] });
    await woken;
    expect(await claim(store, 'test')).toMatchObject([{ id, attemptNumber: 1, mayHaveArrived: true }]);
    await expect(store.releaseLead(id)).rejects.toThrow(
      `Lead ${id} is scheduled. Only held leads can be released`,
    );
    await expect(store.releaseLead('nothing')).rejects.toThrow('Lead "nothing" does not exist.');
    expect((await actionsIn(store)).at(-1)).toEqual([id, 'released', expect.any(Number)]);
  },

  'does not release a lead that its partner cancelled later, unless forced': async (open) => {
    const { store, first, id } = await held(open);
    await cancel(store, { partnerId: first.id, ...person });
    await expect(store.releaseLead(id)).rejects.toThrow(CancelledLater);
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['held']);
    expect(await store.releaseLead(id, true)).toMatchObject({
      cancellations: [{ outcome: 'already-processed' }],
    });
    expect((await leadsIn(store)).map(({ state }) => state)).toEqual(['scheduled']);
  },

  'records a held lead as dialled now if it was delivered': async (open) => {
    const { store, first, from } = await seeded(open(), hour);
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    const id = lead?.id ?? '';
    const endedAt = Date.now() - hour;
    const ended = { leadId: id, startedAt: endedAt, endedAt, outcome: 'unknown', response: 'none' } as const;
    await store.recordAttempt('test', ended, Date.now());
    await restore(store);
    const before = Date.now();
    expect(await store.resolveLead(id, true)).toBe('held');
    const [dialled] = await leadsIn(store);
    expect(dialled?.dialledAt).toBeGreaterThanOrEqual(before);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  },

  'keeps a lead held that was not delivered: it can then be cancelled, and its delivery is no repeat': async (
    open,
  ) => {
    const { store, first, from, id } = await held(open);
    await expect(store.cancelLead(id)).rejects.toThrow('with --delivered or --not-delivered');
    expect(await store.resolveLead(id, false)).toBe('held');
    expect(await leadsIn(store)).toMatchObject([{ state: 'held', mayHaveArrived: false }]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
    expect(await store.releaseLead(id)).toMatchObject({ mayHaveArrived: false });
    await store.resumeDelivery(undefined);
    await claim(store, 'in flight');
    await restore(store);
    await store.resolveLead(id, false);
    expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
    await expect(store.resolveLead(id, false)).rejects.toThrow(`Lead ${id} (cancelled) is not undecided.`);
  },

  'records a held lead as delivered even after it was recorded as not delivered': async (open) => {
    const { store, first, from, id } = await held(open);
    await store.resolveLead(id, false);
    expect(await store.resolveLead(id, true)).toBe('held');
    expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  },

  'records a scheduled lead as dialled now if the dialler has its person, and does not deliver it': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open(), hour);
    await markRestored(store, { backup, restoredAt: Date.now() });
    await store.submit(from(first.id));
    const [lead] = await leadsIn(store);
    const id = lead?.id ?? '';
    await expect(store.resolveLead(id, false)).rejects.toThrow(
      `Lead ${id} is scheduled, so it will be delivered when it is due.`,
    );
    const before = Date.now();
    expect(await store.resolveLead(id, true)).toBe('scheduled');
    const [dialled] = await leadsIn(store);
    expect(dialled).toMatchObject({ state: 'dialled', dialledAt: expect.any(Number) });
    expect(dialled?.dialledAt).toBeGreaterThanOrEqual(before);
    expect(await actionsIn(store)).toEqual([[id, 'resolved-delivered', expect.any(Number)]]);
    await store.resumeDelivery(undefined);
    expect(await store.nextAttemptAt()).toBeUndefined();
    expect(await claim(store, 'test')).toEqual([]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  },

  'does not resolve a scheduled lead while an attempt is in flight': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'test');
    await expect(store.resolveLead(lead?.id ?? '', true)).rejects.toThrow(
      `Lead ${lead?.id} cannot be resolved: an attempt to deliver it is in flight.`,
    );
    expect(await leadsIn(store)).toMatchObject([{ state: 'scheduled' }]);
  },

  'marks a held lead as dialled if an attempt that was in flight delivered it': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'slow');
    await restore(store);
    expect(await store.renewLease('slow', [lead?.id ?? ''], hour)).toEqual([]);
    await record(store, 'slow', lead?.id ?? '', 'rejected');
    expect(await leadsIn(store)).toMatchObject([{ state: 'held', mayHaveArrived: true }]);
    await record(store, 'slow', lead?.id ?? '', 'delivered');
    expect(await leadsIn(store)).toMatchObject([{ state: 'dialled' }]);
  },
};
