/** The store keeps calling hours, and what leads wait for. */
import { expect } from 'vitest';
import { CallingRule } from '../../../src/leads/calling-hours/calling-hours.ts';
import { reschedule } from '../../../src/store/reschedule.ts';
import { claim, leadsIn } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import type { Behaviours } from './behaviour.ts';

const hours = { hours: 'Mon-Fri 09:00-20:00', zone: 'person', country: 'GB', holidays: ['2026-12-25'] };
const hour = 3_600_000;

export const callingHours: Behaviours = {
  'keeps the calling hours of each type, under each of its names': async (open) => {
    const store = await open();
    await store.addType('motor', null, hours);
    await store.addType('home', null, 'always');
    await store.addType('pet', null);
    await store.renameType('motor', 'car');
    const all = await store.callingHours();
    expect(all.toSorted((one, other) => (one.name < other.name ? -1 : 1))).toEqual([
      { name: 'car', callingHours: hours },
      { name: 'home', callingHours: 'always' },
      { name: 'motor', callingHours: hours },
      { name: 'pet', callingHours: 'always' },
    ]);
    const fixed = { hours: 'Sat 10:00-16:00', zone: 'Europe/London', country: 'GB', holidays: [] };
    await store.setCallingHours('motor', fixed);
    await store.setCallingHours('home', hours);
    const types = await Array.fromAsync(store.types());
    expect(types.map(({ name, callingHours }) => [name, callingHours])).toEqual([
      ['car', fixed],
      ['home', hours],
      ['pet', 'always'],
    ]);
    await expect(store.setCallingHours('boat', 'always')).rejects.toThrow('Lead type "boat" does not exist.');
  },

  'a lead that is accepted outside of the calling hours is due at their opening': async (open) => {
    const { store, first, from } = await seeded(open());
    const opensAt = Date.now() + hour;
    const added = await store.submit(from(first.id, { opening: { opensAt, waitsFor: 'calling-hours' } }));
    expect(added).toMatchObject({ outcome: 'accepted', dueAt: opensAt });
    expect(await leadsIn(store)).toMatchObject([
      { dueAt: opensAt, nextAttemptAt: opensAt, waitsFor: 'calling-hours' },
    ]);
    expect(await claim(store, 'test')).toEqual([]);
  },

  'an opening before the requested time does not change it': async (open) => {
    const { store, first, from } = await seeded(open());
    const opening = { opensAt: Date.now() + 1_000, waitsFor: 'calling-hours' as const };
    await store.submit(from(first.id, { delays: 600, opening }));
    const [lead] = await leadsIn(store);
    expect(lead?.waitsFor).toBeNull();
    expect(lead?.dueAt).toBeGreaterThan(Date.now() + 500_000);
  },

  'a lead that is released until an opening reports it, until it is claimed again': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const [claimed] = await claim(store, 'test');
    if (claimed === undefined) throw new Error('The lead was not claimed.');
    const opensAt = Date.now() + hour;
    await store.releaseLeads('test', [claimed.id], opensAt, 'calling-hours');
    const request = { partnerId: first.id, type: 'motor', mobile: claimed.mobile };
    const byId = { partnerId: first.id, leadId: claimed.id };
    expect(await store.leadStatus(request)).toMatchObject({ state: 'scheduled', dueAt: opensAt });
    expect(await store.leadStatus(byId)).toMatchObject({ state: 'scheduled', dueAt: opensAt });
    expect(await leadsIn(store)).toMatchObject([
      { dueAt: claimed.dueAt, nextAttemptAt: opensAt, waitsFor: 'calling-hours', attempts: 0 },
    ]);
    await store.retryLead(claimed.id, { isEarly: true });
    expect(await leadsIn(store)).toMatchObject([{ waitsFor: null }]);
    const [again] = await claim(store, 'test');
    expect(again).toMatchObject({ id: claimed.id, attemptNumber: 1 });
    expect(await store.leadStatus(byId)).toMatchObject({ dueAt: again?.dueAt });
  },

  'due leads that nobody has claimed are postponed, and no others': async (open) => {
    const { store, first, from } = await seeded(open());
    const [due, interrupted, delayed] = ['+447840258823', '+447840258824', '+447840258825'];
    await store.submit(from(first.id, { mobile: interrupted }));
    await store.claimDue({ claim: 'interrupted', limit: 1, lease: 0 });
    await store.submit(from(first.id, { mobile: due }));
    await store.submit(from(first.id, { mobile: delayed, delays: 3_600 }));
    const before = await leadsIn(store);
    const opensAt = Date.now() + 24 * hour;
    const ids = before.map(({ id }) => id);
    await store.postponeLeads([...ids, 'nobody'], opensAt, 'calling-hours');
    const postponed = { nextAttemptAt: opensAt, waitsFor: 'calling-hours', attempts: 0 };
    expect(await leadsIn(store)).toEqual(
      before.map((lead) => (lead.mobile === due ? expect.objectContaining(postponed) : lead)),
    );
    expect(await claim(store, 'test')).toMatchObject([{ mobile: interrupted, mayHaveArrived: true }]);
    expect(await store.reconsiderWaiting('motor', Date.now())).toBe(1);
    expect(await claim(store, 'test')).toMatchObject([{ mobile: due, attemptNumber: 1 }]);
  },

  'leads that wait for calling hours are reconsidered, at their requested time': async (open) => {
    const { store, first, from } = await seeded(open());
    const opensAt = Date.now() + 24 * hour;
    const opening = { opensAt, waitsFor: 'calling-hours' as const };
    await store.submit(from(first.id, { opening }));
    await store.submit(from(first.id, { opening, mobile: '+447840258824', delays: 3_600 }));
    await store.submit(from(first.id, { mobile: '+447840258825', delays: 7_200 }));
    const now = Date.now();
    expect(await store.reconsiderWaiting('motor', now)).toBe(2);
    expect(await store.reconsiderWaiting('motor', now)).toBe(0);
    const leads = await leadsIn(store);
    const of = (mobile: string) => leads.find((lead) => lead.mobile === mobile);
    expect(of('+447840258823')).toMatchObject({ waitsFor: null, nextAttemptAt: now, dueAt: now });
    const delayed = of('+447840258824');
    expect(delayed?.waitsFor).toBeNull();
    expect(delayed?.dueAt).toBe(delayed?.nextAttemptAt);
    expect(delayed?.dueAt).toBeGreaterThan(now + 3_500_000);
    expect(delayed?.dueAt).toBeLessThanOrEqual(now + 3_600_000);
    await expect(store.reconsiderWaiting('boat', now)).rejects.toThrow('Lead type "boat" does not exist.');
  },

  'stricter hours postpone the scheduled leads whose time they do not permit, and no others': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    const [claimed, waiting, due, abroad, permitted] = [
      '+447840258820',
      '+447840258821',
      '+447840258822',
      '+447840258823',
      '+447840258824',
    ] as const;
    await store.submit(from(first.id, { mobile: claimed }));
    await claim(store, 'test');
    const opening = { opensAt: Date.now() + hour, waitsFor: 'calling-hours' as const };
    await store.submit(from(first.id, { mobile: waiting, opening }));
    await store.submit(from(first.id, { mobile: due }));
    // Noon in London, when it is the next day in Kiritimati.
    const noon = (Math.floor(Date.now() / 86_400_000) + 3) * 86_400_000 + 12 * hour;
    const delays = Math.round((noon - Date.now()) / 1_000);
    await store.submit(from(first.id, { mobile: permitted, delays }));
    const content = '{"time_zone":"Pacific/Kiritimati"}';
    await store.submit(from(first.id, { mobile: abroad, delays, content }));
    const before = await leadsIn(store);
    const day = new Date(noon).toLocaleDateString('en-GB', { weekday: 'short', timeZone: 'UTC' });
    const setting = { hours: `${day} 00:00-24:00`, zone: 'person', country: 'GB', holidays: [] };
    await store.setCallingHours('motor', setting);
    const outdated = before.map(({ id }) => ({ ...opening, id, nextAttemptAt: 1 }));
    expect(await store.postponeScheduled(outdated, 0)).toBe(0);
    const { opensAt } = new CallingRule(setting).opening({ mobile: due }, Date.now());
    expect(await reschedule(store, 'motor', setting)).toEqual({ reconsidered: 1, postponed: 3 });
    const leads = await leadsIn(store);
    const of = (mobile: string) => leads.find((lead) => lead.mobile === mobile);
    const statusOf = (mobile: string) => store.leadStatus({ partnerId: first.id, type: 'motor', mobile });
    expect(of(waiting)).toMatchObject({ dueAt: opensAt, nextAttemptAt: opensAt, waitsFor: 'calling-hours' });
    expect(of(due)).toMatchObject({ nextAttemptAt: opensAt, waitsFor: 'calling-hours' });
    for (const mobile of [waiting, due]) expect(await statusOf(mobile)).toMatchObject({ dueAt: opensAt });
    expect(of(abroad)?.dueAt).toBeGreaterThan(noon + 6 * 24 * hour);
    const unchanged = (mobile: string) => before.find((lead) => lead.mobile === mobile);
    expect([of(claimed), of(permitted)]).toEqual([unchanged(claimed), unchanged(permitted)]);
  },
};
