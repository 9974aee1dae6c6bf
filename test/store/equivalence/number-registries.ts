/** Random calls of registries and screening results. */
import fc from 'fast-check';
import { screeningModes } from '../../../src/store/type-screening.ts';
import { call, day, maybe, mobile, type } from './call.ts';

const registry = fc.constantFrom('tps', 'tps', 'dnc');
const list = fc.constantFrom(1, 1, 2, 3);
const age = fc.constantFrom(0, day, 30 * day);

/** Days in the past: both stores must get the same date. */
const dateOf = (milliseconds: number) => 1_700_000_000_000 - milliseconds;

const result = fc.record({
  mobile,
  isListed: fc.boolean(),
  lists: fc.constantFrom([], ['tps', 'ctps']),
  checkedAt: fc.constantFrom(1, 2),
  expiresAt: fc.constantFrom(10, 20),
});

const setting = fc.record(
  {
    registries: fc.constantFrom([], ['tps'], ['tps', 'dnc']),
    registryOverride: fc.boolean(),
    screening: fc.constantFrom(...screeningModes),
  },
  { requiredKeys: [] },
);

export const numberRegistries = [
  call('setScreening', { type, setting }, ({ store }, given) =>
    store.setScreening(given.type, given.setting),
  ),
  call('screeningOfTypes', {}, async ({ store }) =>
    // No order is promised.
    (await store.screeningOfTypes()).map((each) => JSON.stringify(each)).toSorted(),
  ),
  call('beginRegistryList', { registry, age, maxAge: maybe(fc.constant(day)) }, ({ store }, given) =>
    store.beginRegistryList(given.registry, dateOf(given.age), given.maxAge),
  ),
  call('addToRegistryList', { list, mobile }, ({ store }, given) =>
    store.addToRegistryList(given.list, [given.mobile]),
  ),
  call('completeRegistryList', { list }, ({ store }, given) => store.completeRegistryList(given.list)),
  call('removeReplacedNumbers', {}, ({ store }) => store.removeReplacedNumbers('')),
  call('registries', {}, async ({ store }) =>
    (await store.registries()).map(({ importedAt, ...each }) => ({
      ...each,
      isImported: importedAt !== null,
    })),
  ),
  call('registriesOf', { mobile }, async ({ store }, given) =>
    (await store.registriesOf(given.mobile)).map(({ importedAt: _, ...each }) => each),
  ),
  call('listedNumbers', { mobile }, async (subject, given) => {
    const found = await subject.store.listedNumbers(subject.leadIds(), [given.mobile]);
    // No order is promised.
    return found
      .map(({ leadId, ...each }) => `${subject.leadIds().indexOf(leadId)} ${JSON.stringify(each)}`)
      .toSorted();
  }),
  call('reconsiderScreened', {}, ({ store }) => store.reconsiderScreened(Date.now())),
  call('saveScreenings', { results: fc.array(result, { maxLength: 3 }) }, ({ store }, given) =>
    store.saveScreenings('http', given.results),
  ),
  call('screenings', { mobile, now: fc.constantFrom(1, 15) }, ({ store }, given) =>
    store.screenings('http', [given.mobile], given.now),
  ),
  call('recordRefusedNumbers', { mobile }, ({ store }, given) =>
    store.recordRefusedNumbers([
      { leadId: 'lead', mobile: given.mobile, at: 1, lists: { tps: '2026-11-20' }, result: 'suppressed' },
    ]),
  ),
  call('deleteScreenings', { before: fc.constantFrom(15, 30) }, ({ store }, given) =>
    store.deleteScreenings(given.before),
  ),
].map((arbitrary) => ({ weight: 1, arbitrary }));
