/** Up to CALLS_PER_DAY leads of a person are delivered within 24 hours, across lead types. */
import { describe, expect, test } from 'vitest';
import { CallLimitRule } from '../../src/delivery/call-limit-rule.ts';
import { phoneParsers } from '../../src/leads/phone.ts';
import { claim } from '../harness/server.ts';
import { seeded, stores } from '../store/stores.ts';

const { parse: parsePhone } = phoneParsers('GB');
const day = 24 * 3_600_000;

describe.each(stores)('$name', ({ open }) => {
  test('the leads of a person beyond the limit wait until the first of the calls is a day old', async () => {
    const { store, first, from } = await seeded(open());
    for (const type of ['home', 'pet', 'life']) {
      await store.addType(type, null);
      await store.grantType('first', type);
    }
    await store.submit(from(first.id));
    const [called] = await claim(store, 'claim');
    const attempt = { leadId: called?.id ?? '', startedAt: 1, endedAt: 1_000, response: '' } as const;
    await store.recordAttempt('claim', { ...attempt, outcome: 'delivered' }, undefined);
    for (const type of ['home', 'pet', 'life']) await store.submit(from(first.id, { type }));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const leads = (await claim(store, 'another', { limit: 10 })).toSorted((one, other) =>
      one.acceptedAt === other.acceptedAt ? (one.id < other.id ? -1 : 1) : one.acceptedAt - other.acceptedAt,
    );
    expect(leads).toHaveLength(4);

    const rule = new CallLimitRule(store, parsePhone, 2);
    const outcomes = async (now: number) =>
      (await rule.decide(leads, now)).map((each) => (each.outcome === 'wait' ? each.until : each.outcome));
    // One was called; one of this claim is the second.
    expect(await outcomes(2_000)).toEqual(['deliver', 1_000 + day, 1_000 + day, 'deliver']);
    // The call is a day old.
    expect(await outcomes(1_000 + day)).toEqual(['deliver', 'deliver', 1_000 + 2 * day, 'deliver']);
    const [, waiting] = await rule.decide(leads, 2_000);
    expect(waiting).toMatchObject({ outcome: 'wait', waitsFor: 'call-limit' });
  });

  test('calls of a number as other_phone count, and a number that was called too often is left out', async () => {
    const { store, first, from } = await seeded(open());
    const [mobile, other] = ['+447840258823', '+447840258824'] as const;
    const content = JSON.stringify({ first_name: 'John', other_phone: '07840 258824' });
    await store.submit(from(first.id, { mobile, content }));
    const [called] = await claim(store, 'claim');
    const leadId = called?.id ?? '';
    await store.recordOtherPhones([{ leadId, mobile: other }]);
    const attempt = { startedAt: 1, endedAt: 1_000, response: '', outcome: 'delivered' } as const;
    await store.recordAttempt('claim', { leadId, ...attempt }, undefined);
    await store.submit(from(first.id, { mobile: other }));
    for (const each of ['+447840258825', '+447840258826'])
      await store.submit(from(first.id, { mobile: each, content }));
    const leads = (await claim(store, 'another', { limit: 10 })).toSorted((one, two) =>
      one.mobile < two.mobile ? -1 : 1,
    );

    const decide = async (max: number) => new CallLimitRule(store, parsePhone, max).decide(leads, 2_000);
    const without = {
      outcome: 'deliver',
      lead: { content: '{"first_name":"John"}' },
      leftOut: expect.any(String),
    };
    expect(await decide(1)).toMatchObject([{ outcome: 'wait', until: 1_000 + day }, without, without]);
    // The second call of the number is that of the lead before, and the third one that as `other_phone`.
    expect(await decide(2)).toMatchObject([{ outcome: 'deliver' }, without, without]);
    const delivered = leads.map((lead) => ({ outcome: 'deliver', lead }));
    expect(await decide(3)).toMatchObject([...delivered.slice(0, 2), without]);
    expect(await decide(4)).toEqual(delivered);
  });
});
