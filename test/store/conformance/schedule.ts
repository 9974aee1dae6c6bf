/** How partners' times and priorities decide when a lead is claimed, and when it is too late. */
import { expect } from 'vitest';
import { reschedule } from '../../../src/store/reschedule.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { claim, leadsIn, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, waitLongerThan } from './behaviour.ts';

const attempt = { startedAt: 1, endedAt: 2, outcome: 'unavailable', response: 'HTTP 503' } as const;

export const schedule: Behaviours = {
  'claims and lists leads by priority, and then by their due time, whatever their type': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    const priorities = [0, 9, 2, 0, 9, 2, 5];
    for (const [index, priority] of priorities.entries()) {
      const type = index % 2 === 0 ? 'motor' : 'home';
      await store.submit(from(first.id, { mobile: mobileOf(index), type, priority, delays: -index }));
      await waitLongerThan(1);
    }
    await store.submit(from(first.id, { mobile: mobileOf(8), priority: 9, delays: 60 }));
    const expected = [1, 4, 6, 2, 5, 0, 3].map(mobileOf);
    const due = await Array.fromAsync(store.dueLeads(10));
    expect(due.map(({ mobile }) => mobile)).toEqual(expected);
    expect(due.map(({ priority }) => priority)).toEqual([9, 9, 5, 2, 2, 0, 0]);
    const some = await store.claimDue({ claim: 'some', limit: 2, lease: 60_000, exceptTypes: ['home'] });
    expect(some.map(({ mobile }) => mobile)).toEqual([4, 6].map(mobileOf));
    await store.pauseDelivery({ type: 'motor', by: 'operator', reason: 'test' });
    expect((await claim(store, 'home')).map(({ mobile }) => mobile)).toEqual([1, 5, 3].map(mobileOf));
    await store.resumeDelivery('motor');
    expect((await claim(store, 'rest')).map(({ mobile }) => mobile)).toEqual([2, 0].map(mobileOf));
  },

  'lists more due leads than one page': async (open) => {
    const { store, first, from } = await seeded(open());
    const receivedAt = Date.now() - hour;
    const numbers = Array.from({ length: 1_010 }, (_, index) => index);
    const submissions = numbers.map((index) =>
      from(first.id, { mobile: mobileOf(index), receivedAt, priority: index < 510 ? 5 + (index % 2) : 0 }),
    );
    await store.submitAll(submissions, first.id);
    const due = await Array.fromAsync(store.dueLeads(2_000));
    expect(due.map(({ priority }) => priority)).toEqual([
      ...Array(255).fill(6),
      ...Array(255).fill(5),
      ...Array(500).fill(0),
    ]);
    expect(new Set(due.map(({ id }) => id)).size).toBe(1_010);
  },

  'postpones no lead beyond its expiry': async (open) => {
    const { store, first, from } = await seeded(open());
    const expiresAt = Date.now() + hour;
    for (const index of [0, 1, 2, 3]) {
      await store.submit(from(first.id, { mobile: mobileOf(index), ...(index > 0 && { expiresAt }) }));
      await waitLongerThan(1);
    }
    const [without, retried, released] = (await claim(store, 'test', { limit: 3 })).map(({ id }) => id);
    const later = Date.now() + 2 * hour;
    for (const leadId of [without ?? '', retried ?? '']) {
      await store.recordAttempt('test', { ...attempt, leadId }, later);
    }
    await store.releaseLeads('test', [released ?? ''], later, 'screening');
    const [postponed] = await Array.fromAsync(store.dueLeads(1));
    expect(postponed).toMatchObject({ mobile: mobileOf(3), expiresAt });
    await store.postponeLeads([postponed?.id ?? ''], later, 'calling-hours');
    const [ordinary, ...others] = (await leadsIn(store))
      .map(({ nextAttemptAt }) => nextAttemptAt)
      .toReversed();
    expect(ordinary).toBeGreaterThan(expiresAt);
    expect(others).toEqual([expiresAt, expiresAt, expiresAt]);
  },

  'releases a lead until a time before its expiry, and an expired lead until the dialler has processed it':
    async (open) => {
      const { store, first, from } = await seeded(open());
      const now = Date.now();
      await store.submit(from(first.id, { expiresAt: now + 2 * hour }));
      await store.submit(from(first.id, { mobile: mobileOf(1), expiresAt: now - 1 }));
      const leads = await claim(store, 'test');
      const idOf = (mobile: string) => leads.filter((lead) => lead.mobile === mobile).map(({ id }) => id);
      await store.releaseLeads('test', idOf(person.mobile), now + hour, 'call-limit');
      await store.releaseLeads('test', idOf(mobileOf(1)), now + hour);
      const [expired, waiting] = await leadsIn(store);
      expect(waiting?.nextAttemptAt).toBe(now + hour);
      expect(expired?.nextAttemptAt).toBeGreaterThan(now);
    },

  'stricter calling hours postpone no lead beyond its expiry': async (open) => {
    const { store, first, from } = await seeded(open());
    const [callAt, expiresAt] = [Date.now() + hour, Date.now() + 1.5 * hour];
    await store.submit(from(first.id, { delays: 3_600, callAt, expiresAt }));
    const closed = { hours: 'Sun 00:00-00:01', zone: 'Pacific/Kiritimati', country: 'GB', holidays: [] };
    expect(await reschedule(store, 'motor', closed)).toEqual({ reconsidered: 0, postponed: 1 });
    expect(await leadsIn(store)).toMatchObject([
      { dueAt: expiresAt, nextAttemptAt: expiresAt, waitsFor: 'calling-hours' },
    ]);
    // Less strict hours permit the requested time again.
    expect(await reschedule(store, 'motor', 'always')).toEqual({ reconsidered: 1, postponed: 0 });
    const [lead] = await leadsIn(store);
    expect(lead?.waitsFor).toBeNull();
    expect(lead?.nextAttemptAt).toBeLessThanOrEqual(callAt + 1_000);
    expect(lead?.nextAttemptAt).toBeGreaterThan(callAt - 1_000);
  },

  'reports the expiry and the priority of a lead': async (open) => {
    const { store, first, from } = await seeded(open());
    const expiresAt = Date.now() + hour;
    await store.submit(from(first.id, { expiresAt, priority: 4 }));
    await store.submit(from(first.id, { mobile: mobileOf(1) }));
    const [ordinary, scheduled] = await leadsIn(store);
    expect([scheduled, ordinary]).toMatchObject([
      { expiresAt, priority: 4 },
      { expiresAt: null, priority: 0 },
    ]);
    for (const reference of [person, { leadId: scheduled?.id ?? '' }]) {
      const status = await store.leadStatus({ partnerId: first.id, ...reference });
      expect(status).toMatchObject({ expiresAt, priority: 4 });
    }
    expect(await claim(store, 'test')).toMatchObject([
      { expiresAt, priority: 4 },
      { expiresAt: null, priority: 0 },
    ]);
  },

  'neither retries nor re-runs a lead that has expired': async (open) => {
    const { store, first, from } = await seeded(open());
    const expiresAt = Date.parse('2026-11-01T10:00:00Z');
    const content = '{"first_name":"John","expires_at":"2026-11-01T10:00:00Z"}';
    const submission = from(first.id, { expiresAt, content });
    await store.submit(submission);
    const [lead] = await claim(store, 'test');
    const reason =
      'its partner wanted no call from 2026-11-01T10:00:00Z on. Ask the partner to add the person again.';
    await record(store, 'test', lead?.id ?? '', 'rejected');
    await expect(store.retryLead(lead?.id ?? '')).rejects.toThrow(
      `Lead ${lead?.id} cannot be retried: ${reason}`,
    );
    await expect(store.rerunSubmission(submission.id)).rejects.toThrow(
      `Submission ${submission.id} was not re-run: ${reason}`,
    );
  },

  'reads the schedule of a re-run from its content, and limits the priority to the partner’s maximum': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    const [callAt, expiresAt] = [Date.now() + hour, Date.now() + 2 * hour];
    const [call_at, expires_at] = [callAt, expiresAt].map((time) => new Date(time).toISOString());
    const content = JSON.stringify({ call_at, expires_at, priority: '7' });
    const submission = from(first.id, { type: 'later', content });
    await store.submit(submission);
    await store.addType('later', null);
    await store.grantType('first', 'later');
    await store.setMaxPriority('first', 6);
    expect((await store.rerunSubmission(submission.id)).outcome).toBe('accepted');
    expect(await leadsIn(store)).toMatchObject([{ dueAt: callAt, expiresAt, priority: 6 }]);
  },
};
