/** Random calls of the do-not-call list. */
import fc from 'fast-check';
import { suppressionSources } from '../../../src/store/suppressions.ts';
import { at, call, hour, index, limit, maybe, mobile, partner, type } from './call.ts';

const source = fc.constantFrom(...suppressionSources);
const sourceId = fc.constantFrom('', 'first', 'list');

const entry = fc.record({
  mobile,
  type: maybe(type),
  source,
  sourceId,
  reason: maybe(fc.constantFrom('asked', 'Zoë \u0000\ud800')),
  objectedAt: fc.constantFrom(0, 1),
});

const filter = fc.record({ mobile, source, sourceId }, { requiredKeys: [] });
const isRestoring = fc.boolean();

export const suppressions = [
  {
    weight: 2,
    arbitrary: call('addSuppressions', { entries: fc.array(entry, { maxLength: 3 }) }, ({ store }, given) =>
      store.addSuppressions(given.entries),
    ),
  },
  {
    weight: 2,
    arbitrary: call(
      'recordObjection',
      { partner, mobile, type: maybe(type), max: fc.constantFrom(1, 9), age: fc.constantFrom(0, hour) },
      ({ store }, { max, age, ...objection }) =>
        store.recordObjection(
          { ...objection, keyId: 'key', reason: undefined, receivedAt: 1 },
          { max, since: Date.now() - age },
        ),
    ),
  },
  {
    weight: 1,
    arbitrary: call('suppressLeads', { mobile }, ({ store }, given) => store.suppressLeads([given.mobile])),
  },
  {
    weight: 3,
    arbitrary: call('removeSuppressions', { mobile, isRestoring }, async ({ store }, given) => {
      const { removed, leads } = await store.removeSuppressions({ mobile: given.mobile }, given.isRestoring);
      // No order is promised.
      return { removed, leads: leads.length };
    }),
  },
  {
    weight: 1,
    arbitrary: call('removeSuppressionsOf', { source, sourceId, isRestoring }, async ({ store }, given) => {
      const { leads, ...step } = await store.removeSuppressionsOf(given, '', given.isRestoring);
      return { ...step, leads: leads.length };
    }),
  },
  {
    weight: 2,
    arbitrary: call('suppressClaimed', { claim: index, lead: index }, async (subject, given) => {
      const { claim, leadIds } = at(subject.claims, given.claim) ?? { claim: 'none', leadIds: [] };
      return subject.store.suppressClaimed(claim, [at(leadIds, given.lead) ?? 'nothing']);
    }),
  },
  {
    weight: 1,
    arbitrary: call('suppressedNumbers', { mobile }, async (subject, given) => {
      const found = await subject.store.suppressedNumbers(subject.leadIds(), [given.mobile]);
      // No order is promised.
      return found.map(({ leadId }) => subject.leadIds().indexOf(leadId)).toSorted();
    }),
  },
  {
    weight: 1,
    arbitrary: call('leadsInFlight', {}, async ({ store }) =>
      // No order is promised.
      (await store.leadsInFlight())?.map(({ claim, mobile }) => `${claim} ${mobile}`).toSorted(),
    ),
  },
  {
    weight: 1,
    arbitrary: call('suppressions', { filter, limit }, ({ store }, given) =>
      Array.fromAsync(store.suppressions(given.filter, given.limit)),
    ),
  },
  {
    weight: 1,
    arbitrary: call('suppressionsOf', { mobile }, ({ store }, given) => store.suppressionsOf(given.mobile)),
  },
  { weight: 1, arbitrary: call('countSuppressions', {}, ({ store }) => store.countSuppressions()) },
];
