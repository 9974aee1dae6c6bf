/** Lists of registries come into force as a whole, and their numbers are not added for types that require them. */
import { expect } from 'vitest';
import { StoreKeys } from '../../../src/store/keys/store-keys.ts';
import type { Store } from '../../../src/store/store.ts';
import type { ScreeningSetting } from '../../../src/store/type-screening.ts';
import { mobileOf } from '../../harness/mobile.ts';
import { claim, leadsIn } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, type Open, person, tableNamed } from './behaviour.ts';

const day = 24 * hour;
const consent = '{"consent_text":"Call me","consent_at":"2026-11-01T10:00:00Z"}';

/** Imports a list, and returns its id. */
async function importList(store: Store, registry: string, datedAt: number, ...mobiles: string[]) {
  const id = await store.beginRegistryList(registry, datedAt, undefined);
  await store.addToRegistryList(id, mobiles);
  await store.completeRegistryList(id);
  return id;
}

/** Opens a store whose type `motor` requires TPS, which lists the person. */
async function listed(open: Open, setting: Partial<ScreeningSetting> = {}) {
  const all = await seeded(open());
  await all.store.setScreening('motor', { registries: ['tps'], ...setting });
  await importList(all.store, 'tps', day, person.mobile);
  return all;
}

/** Returns all numbers in the table, of each list. */
async function storedNumbers(store: Store): Promise<unknown[]> {
  return (await store.rows(tableNamed('registry_entry'), undefined, 1_000)).map(([mobile]) => mobile);
}

export const numberRegistries: Behaviours = {
  'keeps how the numbers of each type are screened, under each of its names': async (open) => {
    const { store } = await seeded(open());
    await store.addType('home', null);
    await store.renameType('home', 'house');
    await store.setScreening('home', { registries: ['tps', 'ctps', 'tps'], registryOverride: true });
    await store.setScreening('house', { screening: 'on' });
    const house = { registries: ['ctps', 'tps'], registryOverride: true, screening: 'on' };
    const motor = { registries: [], registryOverride: false, screening: 'auto' };
    const all = await store.screeningOfTypes();
    expect(all.toSorted((one, other) => (one.name < other.name ? -1 : 1))).toEqual([
      { name: 'home', ...house },
      { name: 'house', ...house },
      { name: 'motor', ...motor },
    ]);
    expect(await Array.fromAsync(store.types())).toMatchObject([house, motor]);
    await store.setScreening('house', { registries: [] });
    expect(await Array.fromAsync(store.types())).toMatchObject([{ ...house, registries: [] }, motor]);
    await expect(store.setScreening('boat', {})).rejects.toThrow('Lead type "boat" does not exist.');
  },

  'lists registries with their lists, limits and types, also those that only a type names': async (open) => {
    const { store } = await listed(open, { registries: ['dnc', 'tps'] });
    await importList(store, 'other', 2 * day, person.mobile, mobileOf(1), person.mobile);
    const importedAt = expect.any(Number);
    expect(await store.registries()).toEqual([
      { name: 'dnc', maxAge: 31 * day, datedAt: null, importedAt: null, size: null, types: ['motor'] },
      { name: 'other', maxAge: 31 * day, datedAt: 2 * day, importedAt, size: 2, types: [] },
      { name: 'tps', maxAge: 28 * day, datedAt: day, importedAt, size: 1, types: ['motor'] },
    ]);
    await store.beginRegistryList('tps', day, 7 * day);
    await store.beginRegistryList('tps', day, undefined);
    expect(await store.registries()).toContainEqual(
      expect.objectContaining({ name: 'tps', maxAge: 7 * day }),
    );
  },

  'refuses a listed number for a type that requires the registry, before it looks for leads': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.submit(from(first.id));
    await store.setScreening('motor', { registries: ['tps'] });
    await importList(store, 'tps', day, person.mobile);
    expect(await store.submit(from(first.id))).toEqual({ outcome: 'do-not-call', isReplay: false });
    expect(await store.submit(from(first.id, { mobile: mobileOf(1) }))).toMatchObject({
      outcome: 'accepted',
    });
    expect(await store.submit(from(first.id, { type: 'home' }))).toMatchObject({ outcome: 'accepted' });
    await store.setScreening('motor', { registries: ['ctps'] });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
  },

  'accepts a listed number only with consent, and only if the type permits that': async (open) => {
    const { store, first, from } = await listed(open);
    const asked = () => store.submit(from(first.id, { content: consent }));
    expect(await asked()).toMatchObject({ outcome: 'do-not-call' });
    await store.setScreening('motor', { registryOverride: true });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'do-not-call' });
    const blank = '{"consent_text":" ","consent_at":"2026-11-01T10:00:00Z"}';
    expect(await store.submit(from(first.id, { content: blank }))).toMatchObject({ outcome: 'do-not-call' });
    expect(await asked()).toMatchObject({ outcome: 'accepted' });
    const origin = {
      type: undefined,
      source: 'operator',
      sourceId: '',
      reason: undefined,
      objectedAt: 1,
    } as const;
    await store.addSuppressions([{ ...origin, mobile: person.mobile }]);
    expect(await asked()).toMatchObject({ outcome: 'do-not-call' });
  },

  'keeps the earlier list in force until a newer one is complete, and then removes its numbers': async (
    open,
  ) => {
    const { store, first, from } = await listed(open);
    const id = await store.beginRegistryList('tps', 2 * day, undefined);
    expect(await store.addToRegistryList(id, [mobileOf(1), mobileOf(2)])).toBe(2);
    expect(await store.addToRegistryList(id, [mobileOf(2)])).toBe(0);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'do-not-call' });
    expect(await store.registriesOf(mobileOf(1))).toEqual([]);
    await store.removeReplacedNumbers('');
    expect(await storedNumbers(store)).toHaveLength(3);
    expect(await store.completeRegistryList(id)).toEqual({ size: 2, replacedDate: day });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    expect(await store.registriesOf(mobileOf(1))).toEqual([
      { registry: 'tps', datedAt: 2 * day, importedAt: expect.any(Number) },
    ]);
    expect(await store.removeReplacedNumbers('')).toEqual({ next: undefined });
    expect(await storedNumbers(store)).toEqual([mobileOf(1), mobileOf(2)]);
  },

  'removes what an import left that did not end, once a later one is complete': async (open) => {
    const { store } = await listed(open);
    const lost = await store.beginRegistryList('tps', 3 * day, undefined);
    await store.addToRegistryList(lost, [mobileOf(1)]);
    await importList(store, 'tps', 2 * day, mobileOf(2));
    await store.removeReplacedNumbers('');
    expect(await storedNumbers(store)).toEqual([mobileOf(2)]);
    const replaced = 'Another import has replaced the list meanwhile.';
    await expect(store.addToRegistryList(lost, [mobileOf(3)])).rejects.toThrow(replaced);
    await expect(store.completeRegistryList(lost)).rejects.toThrow(replaced);
  },

  'does not put an older list in force': async (open) => {
    const { store } = await seeded(open());
    const earlier = await store.beginRegistryList('tps', 2 * day, undefined);
    const later = await store.beginRegistryList('tps', 2 * day, undefined);
    await store.addToRegistryList(later, [mobileOf(1)]);
    await store.completeRegistryList(later);
    await expect(store.completeRegistryList(earlier)).rejects.toThrow('Another import has replaced the list');
    await expect(store.beginRegistryList('tps', day, undefined)).rejects.toThrow(
      'The list of registry "tps" in force is newer: its date is 1970-01-03. Check --date.',
    );
    expect(await store.registries()).toMatchObject([{ datedAt: 2 * day, size: 1 }]);
  },

  'finds the listed numbers of leads by what their types require': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.addType('home', null);
    await store.grantType('first', 'home');
    await store.submit(from(first.id));
    await store.submit(from(first.id, { type: 'home' }));
    const [home, motor] = await leadsIn(store);
    await store.setScreening('motor', { registries: ['ctps', 'tps'] });
    await importList(store, 'tps', day, person.mobile, mobileOf(1));
    const ids = [home?.id ?? '', motor?.id ?? ''];
    const leadId = motor?.type === 'motor' ? motor.id : home?.id;
    const numbers = [person.mobile, mobileOf(1), mobileOf(2)];
    const found = await store.listedNumbers(ids, numbers);
    expect(found.toSorted((one, other) => (one.mobile > other.mobile ? -1 : 1))).toEqual(
      [person.mobile, mobileOf(1)]
        .toSorted((one, other) => (one > other ? -1 : 1))
        .map((mobile) => ({ leadId, mobile, registry: 'tps', datedAt: day })),
    );
    expect(await store.listedNumbers([], numbers)).toEqual([]);
  },

  'makes leads that wait for a registry or a screening due, and no others': async (open) => {
    const { store, first, from } = await seeded(open());
    const causes = ['registry', 'screening', 'calling-hours'] as const;
    for (const index of causes.keys()) await store.submit(from(first.id, { mobile: mobileOf(index) }));
    const claimed = await claim(store, 'test');
    for (const [index, waitsFor] of causes.entries()) {
      await store.releaseLeads('test', [claimed[index]?.id ?? ''], Date.now() + hour, waitsFor);
    }
    expect(await store.reconsiderScreened(Date.now())).toBe(2);
    expect(await store.reconsiderScreened(Date.now())).toBe(0);
    expect(await claim(store, 'again')).toHaveLength(2);
  },

  'leaves the time in which leads waited for a list out of DIAL_WITHIN': async (open) => {
    const { store } = await listed(open);
    const now = Date.now();
    await importList(store, 'tps', now, person.mobile);
    const [first, second] = (await store.deliveryGaps(0)).toSorted((one, other) => one.start - other.start);
    expect(first).toEqual({ type: 'motor', start: 0, end: expect.any(Number) });
    expect(second).toEqual({ type: 'motor', start: 29 * day, end: expect.any(Number) });
    await importList(store, 'tps', now, person.mobile);
    expect(await store.deliveryGaps(0)).toHaveLength(2);
  },

  'keeps results of a screening service until they expire': async (open) => {
    const { store } = await seeded(open());
    const result = { mobile: person.mobile, isListed: true, lists: ['a', 'b'], checkedAt: 1, expiresAt: 100 };
    const other = { ...result, mobile: mobileOf(1), isListed: false, lists: [], expiresAt: 50 };
    await store.saveScreenings('http', [{ ...result, isListed: false }, other, result]);
    const both = [person.mobile, mobileOf(1)];
    expect(await store.screenings('http', both, 60)).toEqual([result]);
    expect(await store.screenings('other', both, 1)).toEqual([]);
    expect(await store.screenings('http', [], 1)).toEqual([]);
    await store.saveScreenings('http', [{ ...other, checkedAt: 2, expiresAt: 200 }]);
    expect(await store.screenings('http', both, 100)).toEqual([{ ...other, checkedAt: 2, expiresAt: 200 }]);
    expect(await store.deleteScreenings(101)).toBe(1);
    expect(await store.deleteScreenings(101)).toBe(0);
    expect(await store.screenings('http', both, 1)).toHaveLength(1);
  },

  'records in the evidence which lists and entries refused an add': async (open) => {
    const { store, first, from } = await listed(open, { registryOverride: true });
    await store.addType('home', null);
    const keys = StoreKeys.parse(StoreKeys.generate(), 'test');
    store.useKeys(keys);
    const of = async () => {
      await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 });
      const entries = await store.evidenceOf(person.mobile);
      const refusals = entries.filter(({ kind }) => kind === 'screening');
      return refusals.map(({ content }) => JSON.parse(content ?? ''));
    };
    const one = from(first.id);
    await store.submit(one);
    const inRegistry = {
      submission_id: one.id,
      type: 'motor',
      lists: { tps: '1970-01-02' },
      result: 'refused',
    };
    expect(await of()).toEqual([{ ...inRegistry, do_not_call: [] }]);

    const imported = operatorEntry(person.mobile, { source: 'import', sourceId: 'old', objectedAt: 1_000 });
    await store.addSuppressions([imported, operatorEntry(person.mobile, { type: 'home' })]);
    const digest = keys.current.personDigest(person.mobile);
    await store.addRows(tableNamed('suppression'), [[digest, 0, 'partner', 'first', null, 0, 0, null]]);
    const two = from(first.id, { content: consent });
    await store.submit(two);
    const [, refusal] = await of();
    // The consent overrides the registry, and the entry for another type did not refuse the lead.
    expect(refusal).toMatchObject({ submission_id: two.id, lists: {} });
    const found = refusal.do_not_call.toSorted((a: { channel: string }, b: { channel: string }) =>
      a.channel < b.channel ? -1 : 1,
    );
    const time = expect.stringMatching(/^20..-..-..T..:..:..Z$/);
    expect(found).toEqual([
      {
        channel: 'import',
        entered_by: 'old',
        lead_type: 'all',
        objected_at: '1970-01-01T00:00:01Z',
        entered_at: time,
      },
      expect.objectContaining({
        channel: 'partner',
        entered_by: 'first',
        entered_at: '1970-01-01T00:00:00Z',
      }),
    ]);
    await store.rerunSubmission(two.id);
    await store.submit(from(first.id, { mobile: mobileOf(7) }));
    expect(await of()).toHaveLength(3);
  },

  'records in the evidence when lists were imported and removed, and by whom': async (open) => {
    const { store, first, from } = await seeded(open());
    const id = await store.beginRegistryList('tps', day, undefined);
    await store.addToRegistryList(id, [person.mobile]);
    await store.completeRegistryList(id, 'alice');
    const entry = operatorEntry(mobileOf(8), { source: 'import', sourceId: 'old' });
    const lines = { list: 'old', file: 'old.csv', lines: 3, operator: 'alice' };
    await store.addSuppressions([entry, { ...entry, mobile: mobileOf(9) }], lines);
    await store.recordRemovedList({ list: 'old', operator: 'bob', removed: 2 });
    await store.submit(from(first.id));
    await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 });
    const entries = await store.evidenceOfImports();
    expect(entries.map(({ content }) => JSON.parse(content ?? ''))).toEqual([
      { registry: 'tps', list_date: '1970-01-02', numbers: 1, replaces: null, imported_by: 'alice' },
      { list: 'old', file: 'old.csv', lines: 3, added: 2, imported_by: 'alice' },
      { list: 'old', removed: true, entries: 2, removed_by: 'bob' },
    ]);
  },

  'keeps evidence of refused numbers': async (open) => {
    const { store } = await seeded(open());
    const at = Date.UTC(2026, 10, 20);
    const lists = { tps: '2026-11-19' };
    await store.recordRefusedNumbers([
      { leadId: 'id', mobile: person.mobile, at, lists, result: 'suppressed' },
    ]);
    await store.appendEvidence({ key: undefined, parsePhone: () => undefined, limit: 100 });
    const [entry] = await store.evidenceOf(person.mobile);
    expect(entry).toMatchObject({ kind: 'screening', happenedAt: at });
    expect(JSON.parse(entry?.content ?? '')).toMatchObject({
      lead_id: 'id',
      lists,
      result: 'suppressed',
    });
  },
};
