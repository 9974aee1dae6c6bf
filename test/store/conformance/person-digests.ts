/** People are recognised by keyed digests once the store no longer contains their numbers. */
import { expect, vi } from 'vitest';
import { StoreKeys } from '../../../src/store/keys/store-keys.ts';
import type { Erasure } from '../../../src/store/people.ts';
import { pruneAll } from '../../../src/store/prune.ts';
import type { Store } from '../../../src/store/store.ts';
import { tablesToCopy } from '../../../src/store/tables.ts';
import { claim, deliverDue, leadsIn, record } from '../../harness/server.ts';
import { operatorEntry } from '../../harness/suppressions.ts';
import { afterAllRows } from '../clock.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, type Open, person, tableNamed } from './behaviour.ts';

const { mobile } = person;
const another = '+447840258824';
const [oldKey, newKey] = [StoreKeys.generate(), StoreKeys.generate()];
const keys = StoreKeys.parse(oldKey, 'test');
const rotated = StoreKeys.parse(`${newKey}\n${oldKey}`, 'test');
const noCap = { max: 1_000, since: 0 };

function erasureOf(number = mobile): Erasure {
  const digest = keys.current.personDigest(number);
  return { digest, keyId: keys.current.id, erasedAt: Date.now(), evidenceReason: 'a test' };
}

function erase(store: Store, changes: { receivedUntil?: number } = {}) {
  return store.erasePerson({ mobile, otherSubmissions: [], ...changes }, erasureOf(), undefined);
}

/** Returns every row of a store as text. */
async function contentOf(store: Store): Promise<string> {
  const rows = tablesToCopy.map((table) => store.rows(table, undefined, 1_000));
  return JSON.stringify(await Promise.all(rows));
}

async function withKeys(open: Open, recontactAfter: number | null = null) {
  const all = await seeded(open(), recontactAfter);
  all.store.useKeys(keys);
  return all;
}

/** Fills a store with a person who is in the do-not-call list, and erased. */
async function erased(open: Open, type?: string) {
  const all = await withKeys(open);
  await all.store.addType('home', null);
  await all.store.grantType('first', 'home');
  await all.store.addSuppressions([
    operatorEntry(mobile, { type, reason: `called ${mobile}` }),
    operatorEntry(another),
  ]);
  await erase(all.store);
  return all;
}

/** Fills a store with a delivered lead, and prunes it. */
async function pruned(open: Open, recontactAfter: number | null = null) {
  const all = await withKeys(open, recontactAfter);
  await all.store.submit(all.from(all.first.id));
  await deliverDue(all.store);
  const result = await pruneAll(all.store, Date.now() + hour);
  return { ...all, result };
}

export const personDigests: Behaviours = {
  'an erasure replaces the number in the do-not-call list by a digest, which prevents adds': async (open) => {
    const { store, first, from } = await erased(open);
    expect(await contentOf(store)).not.toContain('7840258823');
    expect(await store.hasDigests()).toBe(true);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'do-not-call' });
    expect(await store.submit(from(first.id, { type: 'home' }))).toMatchObject({ outcome: 'do-not-call' });
    const unlisted = from(first.id, { mobile: '+447840258825' });
    expect(await store.submit(unlisted)).toMatchObject({ outcome: 'accepted' });
    const [entry] = await store.suppressionsOf(mobile);
    expect(entry).toMatchObject({ mobile: erasureOf().digest, source: 'operator', reason: undefined });
    expect(await Array.fromAsync(store.listedMobiles())).toEqual([{ mobile: another }]);
  },

  'a digest in the list counts only for the lead type of its entry': async (open) => {
    const { store, first, from } = await erased(open, 'home');
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
    expect(await store.submit(from(first.id, { type: 'home' }))).toMatchObject({ outcome: 'do-not-call' });
  },

  'a re-run does not call a person whose digest is in the list': async (open) => {
    const { store, first, from } = await erased(open);
    const unknown = from(first.id, { type: 'none' });
    await store.submit(unknown);
    await store.renameType('motor', 'none');
    expect(await store.rerunSubmission(unknown.id)).toMatchObject({ outcome: 'do-not-call' });
  },

  'digests of an earlier key are recognised, and those of a missing key are not': async (open) => {
    const { store, first, from } = await erased(open);
    store.useKeys(rotated);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'do-not-call' });
    store.useKeys(StoreKeys.parse(newKey, 'test'));
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  },

  'a number whose digest is in the list is not delivered': async (open) => {
    const { store, first, from } = await withKeys(open);
    const added = await store.submit(from(first.id));
    const leadId = added.outcome === 'accepted' ? added.leadId : '';
    const numbers = [mobile, another];
    expect(await store.suppressedNumbers([leadId], numbers)).toEqual([]);
    const digest = keys.current.personDigest(another);
    await store.addRows(tableNamed('suppression'), [[digest, 0, 'operator', '', null, 1, 1, null]]);
    const blocked = [{ leadId, mobile: another }];
    expect(await store.suppressedNumbers([leadId], numbers)).toEqual(blocked);
    expect(await store.suppressedNumbers([leadId], numbers)).toEqual(blocked);
  },

  'an objection and an import that are known by a digest do not bring the number back': async (open) => {
    const { store, first } = await withKeys(open);
    const sent = {
      partner: 'first',
      keyId: 'key',
      mobile,
      type: undefined,
      reason: undefined,
      receivedAt: 1,
    };
    const imported = operatorEntry(mobile, { source: 'import', sourceId: 'list' });
    await store.recordObjection(sent, noCap);
    await store.addSuppressions([imported]);
    await erase(store);
    expect(await store.recordObjection(sent, noCap)).toMatchObject({ outcome: 'recorded' });
    expect(await store.addSuppressions([imported])).toMatchObject({ added: 0 });
    expect(first.id).toBe(1);
    expect(await contentOf(store)).not.toContain('7840258823');
    expect(await store.suppressionsOf(mobile)).toHaveLength(2);
    expect(await store.addSuppressions([operatorEntry(mobile)])).toMatchObject({ added: 1 });
  },

  'the lists of registries keep the digest of an erased person, who is still listed when added and delivered':
    async (open) => {
      const { store, first, from } = await withKeys(open);
      const other = from(first.id, { mobile: another });
      await store.submit(other);
      const [lead] = await leadsIn(store);
      if (lead === undefined) throw new Error('The lead was not accepted.');
      // Read without digests, by statements that must report the first one.
      expect(await store.suppressedNumbers([lead.id], [mobile])).toEqual([]);
      await store.setScreening('motor', { registries: ['tps'] });
      const list = await store.beginRegistryList('tps', 1, undefined);
      await store.addToRegistryList(list, [mobile, '+447840258825']);
      await store.completeRegistryList(list);
      await erase(store);
      expect(await contentOf(store)).not.toContain('7840258823');
      expect(await Array.fromAsync(store.listedMobiles())).toEqual([{ mobile: '+447840258825' }]);
      const listing = { leadId: lead.id, mobile, registry: 'tps', datedAt: 1 };
      expect(await store.listedNumbers([lead.id], [another, mobile])).toEqual([listing]);
      expect(await store.registriesOf(mobile)).toMatchObject([{ registry: 'tps' }]);
      expect(await store.hasDigests()).toBe(true);
      store.useKeys(rotated);
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'do-not-call' });
      expect((await contentOf(store)).replaceAll(' ', '')).toContain(String.raw`\"lists\":{\"tps\"`);
      expect(await store.usesOfStoreKey(keys.current.id)).toMatchObject({ suppressions: 1 });
      const next = await store.beginRegistryList('tps', 2, undefined);
      await store.addToRegistryList(next, ['+447840258825']);
      await store.completeRegistryList(next);
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      expect(await store.removeReplacedNumbers('')).toEqual({ next: undefined });
      expect(await store.hasDigests()).toBe(false);
    },

  'entries of an erased person are removed by the number': async (open) => {
    const { store, first, from } = await erased(open);
    expect(await store.removeSuppressions({ mobile }, true)).toEqual({ removed: 1, leads: [] });
    expect(await store.suppressionsOf(mobile)).toEqual([]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  },

  'an erasure that is applied later keeps objections that were sent since': async (open) => {
    const { store } = await withKeys(open);
    await store.addSuppressions([operatorEntry(mobile)]);
    await erase(store, { receivedUntil: 1 });
    expect(await store.suppressionsOf(mobile)).toMatchObject([{ mobile }]);
    await erase(store);
    await store.addSuppressions([operatorEntry(mobile, { source: 'import', sourceId: 'list' })]);
    await erase(store);
    expect(await store.suppressionsOf(mobile)).toHaveLength(2);
    expect(await contentOf(store)).not.toContain('7840258823');
  },

  'pruning replaces a delivered lead by a digest, which prevents a second call for its type': async (
    open,
  ) => {
    const { store, first, second, from, result } = await pruned(open);
    expect(result).toMatchObject({ submissions: 1, leads: 1, contacts: 1, withoutKey: 0 });
    expect(await contentOf(store)).not.toContain('7840258823');
    expect(await store.submit(from(first.id))).toEqual({ outcome: 'existing-contact', isReplay: false });
    store.useKeys(rotated);
    expect(await store.submit(from(second.id))).toMatchObject({ outcome: 'existing-contact' });
    await store.addType('home', null);
    await store.grantType('first', 'home');
    expect(await store.submit(from(first.id, { type: 'home' }))).toMatchObject({ outcome: 'accepted' });
    expect(await store.submit(from(first.id, { mobile: another }))).toMatchObject({ outcome: 'accepted' });
  },

  'an objection comes before an earlier contact': async (open) => {
    const { store, first, from } = await pruned(open);
    await store.addSuppressions([operatorEntry(mobile)]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'do-not-call' });
  },

  'once the re-contact period has passed, the person is accepted, and pruning removes the digest': async (
    open,
  ) => {
    const { store, first, from } = await pruned(open, hour);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
    await store.setRecontactAfter('motor', 1);
    await vi.waitFor(async () =>
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' }),
    );
    await store.setRecontactAfter('motor', null);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'already-scheduled' });
    await store.setRecontactAfter('motor', 1);
    await deliverDue(store);
    const { contacts } = await pruneAll(store, afterAllRows);
    expect(contacts).toBe(1);
    await vi.waitFor(async () => {
      await pruneAll(store, 0);
      expect(await store.hasDigests()).toBe(false);
    });
  },

  'without a key, pruning keeps delivered leads, and reports them': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store);
    const result = await pruneAll(store, afterAllRows);
    expect(result).toMatchObject({ submissions: 1, leads: 0, contacts: 0, withoutKey: 1 });
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
  },

  'pruning keeps delivered leads that are newer, and those that another row needs': async (open) => {
    const { store, first, second, from } = await withKeys(open);
    await store.submit(from(first.id));
    await deliverDue(store);
    await store.submit(from(second.id));
    expect(await store.pruneContacts(Date.now() + hour, '')).toMatchObject({ contacts: 0, withoutKey: 0 });
    expect(await pruneAll(store, 1)).toMatchObject({ contacts: 0, leads: 0 });
    await store.submit(from(first.id, { mobile: another }));
    const [lead] = await claim(store, 'test');
    await record(store, 'test', lead?.id ?? '', 'rejected');
    expect(await pruneAll(store, afterAllRows)).toMatchObject({ submissions: 2, leads: 1, contacts: 1 });
    expect(await contentOf(store)).toContain('7840258824');
  },

  'an erasure also removes the digest of a pruned lead, so that the person is accepted again': async (
    open,
  ) => {
    const { store, first, from } = await pruned(open);
    store.useKeys(rotated);
    const { erased: rows } = await store.erasePerson(
      { mobile, otherSubmissions: [] },
      { ...erasureOf(), digest: rotated.current.personDigest(mobile), keyId: rotated.current.id },
      undefined,
    );
    expect(rows['contacted_person']).toBe(1);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  },

  'an erasure that a restored store lacks removes the digest of a lead that was pruned before': async (
    open,
  ) => {
    const { store, first, from } = await pruned(open);
    await store.recordErasures([{ ...erasureOf(), erasedAt: 1 }]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'existing-contact' });
    await store.recordErasures([erasureOf()]);
    expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
  },
};
