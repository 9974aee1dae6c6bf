/** Up to CALLS_PER_DAY leads of a person are delivered within 24 hours, across lead types. */
import { describe, expect, test } from 'vitest';
import { CallLimitRule } from '../../src/delivery/call-limit-rule.ts';
import { claim } from '../harness/server.ts';
import { seeded, stores } from '../store/stores.ts';

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

    const rule = new CallLimitRule(store, 2);
    const outcomes = async (now: number) =>
      (await rule.decide(leads, now)).map((each) => (each.outcome === 'wait' ? each.until : each.outcome));
    // One was called; one of this claim is the second.
    expect(await outcomes(2_000)).toEqual(['deliver', 1_000 + day, 1_000 + day, 'deliver']);
    // The call is a day old.
    expect(await outcomes(1_000 + day)).toEqual(['deliver', 'deliver', 1_000 + 2 * day, 'deliver']);
    const [, waiting] = await rule.decide(leads, 2_000);
    expect(waiting).toMatchObject({ outcome: 'wait', waitsFor: 'call-limit' });
  });
});
