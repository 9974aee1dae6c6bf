/** What partners and operators can look up. */

import { expect } from 'vitest';
import type { SubmissionResult } from '../../../src/store/intake.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { cancel } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, person } from './behaviour.ts';

export const lookups: Behaviours = {
  'returns the status of the partner’s own latest lead': async (open) => {
    const { store, first, second, from } = await seeded(open());
    const status = (partnerId: number) => store.leadStatus({ partnerId, ...person });
    expect(await status(first.id)).toBeUndefined();
    const submitted = await store.submit(from(first.id, { delays: 600 }));
    const dueAt = submitted.outcome === 'accepted' ? submitted.dueAt : 0;
    expect(await status(first.id)).toMatchObject({ state: 'scheduled', dueAt, dialledAt: null });
    expect(await status(second.id)).toBeUndefined();
    await cancel(store, { partnerId: first.id, ...person });
    await store.submit(from(second.id));
    expect(await status(first.id)).toMatchObject({ state: 'cancelled' });
    expect(await status(second.id)).toMatchObject({ state: 'scheduled' });
    expect(await store.leadStatus({ partnerId: first.id, ...person, type: 'other' })).toBeUndefined();
  },

  'returns the status of the partner’s own lead with an id': async (open) => {
    const { store, first, second, from } = await seeded(open());
    const idOf = (result: SubmissionResult) =>
      'leadId' in result ? result.leadId : expect.fail(result.outcome);
    const cancelled = idOf(await store.submit(from(first.id)));
    await cancel(store, { partnerId: first.id, ...person });
    const scheduled = idOf(await store.submit(from(first.id, { delays: 600 })));
    const status = (partnerId: number, leadId: string) => store.leadStatus({ partnerId, leadId });
    const both = [status(first.id, cancelled), status(first.id, scheduled)];
    expect(await Promise.all(both)).toMatchObject([
      { id: cancelled, state: 'cancelled', dialledAt: null },
      { id: scheduled, state: 'scheduled', dialledAt: null },
    ]);
    expect(await store.leadStatus({ partnerId: first.id, ...person })).toEqual(await both[1]);
    expect(await status(second.id, scheduled)).toBeUndefined();
    expect(await status(first.id, '0'.repeat(20))).toBeUndefined();
  },

  'finds the mobile number of a lead, a submission, a cancellation and an e-mail address': async (open) => {
    const { store, first, from } = await seeded(open());
    const withEmail = (email: string) => ({
      content: JSON.stringify({ email, first_name: 'john@x.example' }),
    });
    const sent = from(first.id, withEmail('John@x.example'));
    const submitted = await store.submit(sent);
    await store.submit(from(first.id, { mobile: '+447840258824', ...withEmail('other@x.example') }));
    await store.submit(
      from(first.id, { mobile: '+447840258825', type: 'other', ...withEmail('JOHN@X.EXAMPLE') }),
    );
    await cancel(store, { partnerId: first.id, ...person });
    const [cancellation] = await Array.fromAsync(store.cancellations(person.mobile));
    const leadId = submitted.outcome === 'accepted' ? submitted.leadId : '';
    for (const id of [sent.id, leadId, cancellation?.id ?? '']) {
      expect(await store.mobileOf(id)).toBe(person.mobile);
    }
    expect(await store.mobileOf('0'.repeat(20))).toBeUndefined();
    expect(await store.mobilesOfEmail('john@X.example')).toEqual([person.mobile, '+447840258825']);
    expect(await store.mobilesOfEmail('j%@x.example')).toEqual([]);
  },

  'finds an e-mail address that a JSON encoder has escaped': async (open) => {
    const { store, first, from } = await seeded(open());
    // As System.Text.Json and Go (`+`, `&`, `'`) and PHP (`/`) write them.
    const sent = [
      ['john+tag@x.example', String.raw`{"email":"John\u002Btag@x.example"}`],
      ["o'neil&co@x.example", String.raw`{"email":"o\u0027neil\u0026co@x.example"}`],
      ['a/b@x.example', String.raw`{"email":"a\/b@x.example"}`],
    ] as const;
    for (const [index, [email, content]] of sent.entries()) {
      const mobile = mobileOf(index);
      await store.submit(from(first.id, { mobile, content }));
      expect(await store.mobilesOfEmail(email)).toEqual([mobile]);
    }
    expect(await store.mobilesOfEmail('johntag@x.example')).toEqual([]);
  },

  'finds leads and submissions by their fields, the newest first': async (open) => {
    const { store, first, second, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.submit(from(second.id));
    await store.submit(from(second.id, { mobile: '+447840258824' }));
    await store.submit(from(first.id, { mobile: '+447840258824', type: 'other' }));
    const mobiles = async (filter: object) =>
      (await Array.fromAsync(store.leads(filter, 10))).map(({ mobile }) => mobile.slice(-1));
    expect(await mobiles({})).toEqual(['4', '3']);
    expect(await mobiles({ partner: 'second' })).toEqual(['4']);
    expect(await mobiles({ mobile: '+447840258823', state: 'scheduled', type: 'motor' })).toEqual(['3']);
    expect(await mobiles({ state: 'cancelled' })).toEqual([]);
    const outcomes = async (mobile: string) =>
      (await Array.fromAsync(store.submissions({ mobile }, 10))).map(({ partner, outcome }) => [
        partner,
        outcome,
      ]);
    expect(await outcomes('+447840258823')).toEqual([
      ['second', 'already-scheduled'],
      ['first', 'accepted'],
    ]);
    expect(await outcomes('+447840258824')).toEqual([
      ['first', 'unknown-type'],
      ['second', 'accepted'],
    ]);
  },

  'lists more than a page completely and in order, up to the limit': async (open) => {
    const { store, first, from } = await seeded(open());
    const receivedAt = Date.now();
    const mobiles = Array.from({ length: 1_201 }, (_, index) => mobileOf(index));
    await Promise.all(mobiles.map((mobile) => store.submit(from(first.id, { mobile, receivedAt }))));
    const lists: Record<string, (limit: number) => AsyncIterable<{ mobile: string }>> = {
      leads: (limit) => store.leads({ type: 'motor' }, limit),
      submissions: (limit) => store.submissions({ outcome: 'accepted' }, limit),
      dueLeads: (limit) => store.dueLeads(limit),
    };
    for (const [name, list] of Object.entries(lists)) {
      const order = name === 'dueLeads' ? mobiles : mobiles.toReversed();
      for (const limit of [0, 1, 500, 501, 1_000, 1_201, Number.MAX_SAFE_INTEGER]) {
        const listed = (await Array.fromAsync(list(limit))).map(({ mobile }) => mobile);
        expect(listed, `${name} up to ${limit}`).toEqual(order.slice(0, limit));
      }
    }
  },
};
