/** Evidence of what was sent and done, in a chain that shows every change. */
import { expect } from 'vitest';
import { phoneParsers } from '../../../src/leads/phone.ts';
import { verifyEvidence } from '../../../src/store/evidence/verify.ts';
import { markRestored } from '../../../src/store/held-leads.ts';
import { StoreKeys } from '../../../src/store/keys/store-keys.ts';
import { pruneAll } from '../../../src/store/prune.ts';
import type { Store } from '../../../src/store/store.ts';
import { cancel, claim, deliverDue, record } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, setClock } from './behaviour.ts';

const keys = StoreKeys.parse('ab'.repeat(32), 'the test');
const { current: key } = keys;
const { parse: parsePhone } = phoneParsers('GB');
const day = 24 * hour;

/** Adds everything to the chain. Returns the number of entries. */
export async function appendAll(store: Store, limit = 100, by = keys): Promise<number> {
  let appended = 0;
  // The last steps only settle what was read.
  for (let idle = 0; idle < 4; ) {
    const count = await store.appendEvidence({ key: by.current, parsePhone, limit });
    appended += count;
    idle = count === 0 ? idle + 1 : 0;
  }
  return appended;
}

async function faultsOf(store: Store, ...heads: { sequence: number; mac: string }[]): Promise<string[]> {
  const { faults } = await verifyEvidence(store, keys, heads);
  return faults.map(({ sequence, description }) => `${sequence ?? 'chain'}: ${description}`);
}

export const evidence: Behaviours = {
  'adds requests, cancellations and attempts to the chain once, with the request verbatim': async (open) => {
    const { store, first, from } = await seeded(open());
    const content = '{"first_name": "John",  "other_phone": "020 7946 0958", "consent_text": "Call me."}';
    await store.submit(from(first.id, { content }));
    await cancel(store, { partnerId: first.id, ...person });
    await store.submit(from(first.id));
    const [lead] = await claim(store, 'claim');
    await store.recordAttempt(
      'claim',
      {
        leadId: lead?.id ?? '',
        startedAt: 1,
        endedAt: 2,
        outcome: 'delivered',
        response: 'ok',
        basis: '{"local_time":"10:00"}',
      },
      undefined,
    );
    expect(await appendAll(store, 2)).toBe(4);
    expect(await appendAll(store)).toBe(0);
    const entries = await store.evidenceOf(person.mobile);
    expect(entries.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(entries.map(({ kind }) => kind).toSorted()).toEqual([
      'cancellation',
      'delivery',
      'request',
      'request',
    ]);
    const request = entries.find(({ otherMobile }) => otherMobile !== null);
    expect(request).toMatchObject({ mobile: person.mobile, otherMobile: '+442079460958', keyId: key.id });
    expect(JSON.parse(request?.content ?? '')).toMatchObject({
      partner: 'first',
      type: 'motor',
      request: content,
    });
    expect(await store.evidenceOf('+442079460958')).toEqual([request]);
    const delivery = entries.find(({ kind }) => kind === 'delivery');
    expect(JSON.parse(delivery?.content ?? '')).toMatchObject({
      outcome: 'delivered',
      basis: { local_time: '10:00' },
    });
    expect(await verifyEvidence(store, keys)).toMatchObject({ entries: 4, removed: 0, faults: [] });
  },

  'leaves no gap and no repetition if several processes add evidence at once': async (open) => {
    const { store, first, from } = await seeded(open());
    const terms = { key, parsePhone, limit: 3 };
    for (let round = 0; round < 5; round += 1) {
      const mobiles = [0, 1, 2, 3].map((digit) => `+4478402588${round}${digit}`);
      await Promise.all([
        ...mobiles.map((mobile) => store.submit(from(first.id, { mobile }))),
        store.appendEvidence(terms),
        store.appendEvidence(terms),
      ]);
    }
    // On PostgreSQL, entries wait until older transactions have ended, also those in other databases of the server.
    const head = async () => {
      await appendAll(store, 3);
      return (await store.evidenceChain()).headSequence;
    };
    await expect.poll(head).toBe(20);
    expect(await faultsOf(store)).toEqual([]);
  },

  'shows a changed, a removed and a moved entry, and entries that are missing at the end': async (open) => {
    const { store, first, from } = await seeded(open());
    for (const digit of [1, 2, 3, 4, 5]) {
      await store.submit(from(first.id, { mobile: `+44784025882${digit}` }));
    }
    await appendAll(store);
    const all = await store.evidenceEntries(0, 10);
    const chain = await store.evidenceChain();
    const [one, two, three, four] = all;
    if (one === undefined || two === undefined || three === undefined || four === undefined) {
      expect.fail('An entry is missing.');
    }
    const tampered = (entries: typeof all, headSequence = entries.length) => {
      const evidenceEntries = async (after: number) => entries.filter(({ sequence }) => sequence > after);
      const evidenceChain = async () => ({ ...chain, headSequence });
      return { evidenceEntries, evidenceChain, forgottenStoreKeys: async () => [] };
    };
    const faults = async (entries: typeof all, head = 5) =>
      (await verifyEvidence(tampered(entries, head), keys)).faults.map(({ sequence, description }) =>
        `${sequence}: ${description}`.replace(/:.*: /, ': '),
      );
    expect(await faults(all)).toEqual([]);
    expect(await faults(all.with(1, { ...two, content: `${two.content} ` }))).toEqual([
      '2: Its content was changed.',
    ]);
    expect(await faults(all.with(1, { ...two, mobile: '+447840258899' }))).toEqual([
      '2: Its content was changed.',
    ]);
    expect(await faults(all.toSpliced(1, 1))).toEqual([
      '3: Entry 2 is missing before it.',
      expect.stringMatching(/^3: .*changed, removed or moved/),
    ]);
    const moved = [one, { ...three, sequence: 2 }, { ...two, sequence: 3 }, four];
    expect(await faults(moved, 4)).not.toEqual([]);
    expect(await faults(all.slice(0, 3))).toEqual(['undefined: Entries 4 to 5 are missing at the end.']);
    expect(await faults(all.with(1, { ...two, content: null }))).toEqual([
      expect.stringMatching(/no entry documents that the content was removed/),
    ]);
    // The head in the log also reveals a changed record of the end.
    const logged = [{ sequence: 5, mac: chain.headMac }];
    const { faults: withLog } = await verifyEvidence(tampered(all.slice(0, 3)), keys, logged);
    expect(withLog).toMatchObject([{ description: expect.stringContaining('head of entry 5 was logged') }]);
    const rewritten = await verifyEvidence(tampered(all), keys, [{ sequence: 5, mac: one.mac }]);
    expect(rewritten.faults).toMatchObject([{ sequence: 5 }]);
  },

  'verifies what comes before and after the entries of a forgotten key': async (open) => {
    const { store, first, from } = await seeded(open());
    const [earliest, lost, current] = ['12', '34', '56'].map((each) => each.repeat(32)) as [
      string,
      string,
      string,
    ];
    let digit = 0;
    for (const key of [earliest, lost, current]) {
      for (const _ of [1, 2]) {
        digit += 1;
        await store.submit(from(first.id, { mobile: `+44784025882${digit}` }));
      }
      await appendAll(store, 10, StoreKeys.parse(key, 'the test'));
    }
    const kept = StoreKeys.parse(`${current} ${earliest}`, 'the test');
    const { id } = StoreKeys.parse(lost, 'the test').current;
    await store.recordStoreKey(id);
    const missing = { id, entries: 2 };
    expect(await verifyEvidence(store, kept)).toMatchObject({
      faults: [],
      missingKeys: [{ ...missing, forgottenAt: undefined }],
    });
    await store.forgetStoreKey(id);
    const forgotten = [{ ...missing, forgottenAt: expect.any(Number) }];
    expect(await verifyEvidence(store, kept)).toMatchObject({
      entries: 6,
      faults: [],
      missingKeys: forgotten,
    });
    const all = await store.evidenceEntries(0, 10);
    const faults = async (changed: number, change: object) => {
      const entries = all.map((entry) => (entry.sequence === changed ? { ...entry, ...change } : entry));
      const evidenceEntries = async (after: number) => entries.filter(({ sequence }) => sequence > after);
      const [evidenceChain, forgottenStoreKeys] = [store.evidenceChain, store.forgottenStoreKeys];
      const verified = await verifyEvidence({ evidenceEntries, evidenceChain, forgottenStoreKeys }, kept);
      return verified.faults.map(({ sequence }) => sequence);
    };
    for (const changed of [1, 2, 5, 6]) expect(await faults(changed, { mobile: null })).toEqual([changed]);
    // Its link to the next entry, which another key protects.
    expect(await faults(4, { mac: all[0]?.mac })).toEqual([5]);
    // Attributed to the forgotten key, so that nobody can verify them.
    expect(await faults(6, { keyId: id, mobile: null })).toEqual([6]);
  },

  'chains without a key, and goes on with one': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await store.appendEvidence({ key: undefined, parsePhone, limit: 10 });
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await appendAll(store);
    expect(await verifyEvidence(store, keys)).toMatchObject({ entries: 2, withoutKey: 1, faults: [] });
    expect(await verifyEvidence(store, undefined)).toMatchObject({
      faults: [],
      missingKeys: [{ id: keys.current.id, entries: 1 }],
    });
    const rotated = StoreKeys.parse(`${'cd'.repeat(32)} ${'ab'.repeat(32)}`, 'the test');
    await store.submit(from(first.id, { mobile: '+447840258825' }));
    await appendAll(store, 10, rotated);
    expect(await verifyEvidence(store, rotated)).toMatchObject({ entries: 3, faults: [], missingKeys: [] });
    // The first key documents a removal from what the second one protects: neither is a fault.
    await store.removeEvidenceOf('+447840258825', 'Asked for.', keys.current);
    const onlyRotated = StoreKeys.parse('cd'.repeat(32), 'the test');
    expect(await verifyEvidence(store, onlyRotated)).toMatchObject({
      faults: [],
      missingKeys: [{ id: keys.current.id, entries: 2 }],
    });
  },

  'adds and removes nothing without the key once it has one': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.recordStoreKey(key.id);
    await store.submit(from(first.id));
    const withoutKey = store.appendEvidence({ key: undefined, parsePhone, limit: 10 });
    await expect(withoutKey).rejects.toThrow(`id ${key.id}`);
    expect(await store.evidenceChain()).toMatchObject({ headSequence: 0 });
    expect(await appendAll(store)).toBe(1);
    await expect(store.removeEvidenceOf(person.mobile, 'Asked for.', undefined)).rejects.toThrow(
      'STORE_KEY_FILE',
    );
    await expect(store.removeExpiredEvidence(Date.now() + hour, 0, undefined)).rejects.toThrow(key.id);
    expect(await store.evidenceOf(person.mobile)).toHaveLength(1);
    expect(await store.usesOfStoreKey(key.id)).toMatchObject({ evidence: 1, erasures: 0 });
  },

  'keeps evidence of what is pruned, and goes on with the chain afterwards': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    await deliverDue(store);
    await appendAll(store);
    const before = await store.evidenceOf(person.mobile);
    expect(before).toHaveLength(2);
    await pruneAll(store, Date.now() + 100 * day);
    expect(await Array.fromAsync(store.submissions({}, 10))).toEqual([]);
    expect(await store.evidenceOf(person.mobile)).toEqual(before);
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    const [lead] = await claim(store, 'claim');
    await record(store, 'claim', lead?.id ?? '', 'delivered');
    expect(await appendAll(store)).toBe(2);
    expect(await faultsOf(store)).toEqual([]);
  },

  'removes evidence after the last contact with a person, and documents it in the chain': async (open) => {
    const { store, first, from } = await seeded(open());
    const start = Date.now();
    await store.submit(from(first.id));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await appendAll(store);
    await setClock(start + hour);
    await store.submit(from(first.id, { receivedAt: Date.now() }));
    await appendAll(store);
    const before = start + hour / 2;
    expect(await store.countExpiredEvidence(before)).toBe(1);
    expect(await store.removeExpiredEvidence(before, 0, key)).toEqual({ removed: 1, next: undefined });
    expect(await store.countExpiredEvidence(before)).toBe(0);
    expect(await store.evidenceOf('+447840258824')).toEqual([]);
    expect(await store.evidenceOf(person.mobile)).toHaveLength(2);
    expect(await verifyEvidence(store, keys)).toMatchObject({ entries: 4, removed: 1, faults: [] });

    // Once everything at the beginning has expired, its rows are deleted.
    expect(await store.removeExpiredEvidence(start + 2 * hour, 0, key)).toMatchObject({ removed: 2 });
    const verified = await verifyEvidence(store, keys);
    expect(verified).toMatchObject({ faults: [], startSequence: 4 });
    await store.submit(from(first.id, { mobile: '+447840258825' }));
    await appendAll(store);
    expect(await faultsOf(store)).toEqual([]);
  },

  'removes the evidence of a person under either number, and nothing else': async (open) => {
    const { store, first, from } = await seeded(open());
    const other = { content: '{"other_phone":"07840258824"}' };
    await store.submit(from(first.id, other));
    await store.submit(from(first.id, { mobile: '+447840258824' }));
    await store.submit(from(first.id, { mobile: '+447840258825' }));
    await appendAll(store);
    expect(await store.removeEvidenceOf('+447840258824', 'The person asked for it.', key)).toBe(2);
    expect(await store.evidenceOf('+447840258824')).toEqual([]);
    const left = await store.evidenceEntries(0, 10);
    expect(JSON.stringify(left)).not.toContain('40258824');
    expect(JSON.stringify(left)).not.toContain('40258823');
    expect(left.at(-1)).toMatchObject({
      kind: 'removal',
      content: '{"reason":"The person asked for it.","sequences":[[1,2]]}',
    });
    expect(await verifyEvidence(store, keys)).toMatchObject({ removed: 2, faults: [] });
  },

  'documents the removal of each objection, by its number and by its origin': async (open) => {
    const { store } = await seeded(open());
    const objection = { type: 'motor', reason: 'no calls', mobile: person.mobile } as const;
    const cap = { max: 10, since: 0 };
    await store.recordObjection({ ...objection, partner: 'first', keyId: 'key', receivedAt: 5 }, cap);
    await store.removeSuppressionsOf({ source: 'partner', sourceId: 'first' }, '', false);
    await store.addSuppressions([{ ...objection, source: 'operator', sourceId: '', objectedAt: 6 }]);
    await store.addSuppressions([{ ...objection, source: 'import', sourceId: 'tps', objectedAt: 6 }]);
    await store.removeSuppressions({ mobile: person.mobile }, false);
    await appendAll(store);
    const contents = (await store.evidenceOf(person.mobile)).map(({ content }) => JSON.parse(content ?? ''));
    const removals = new Map(contents.filter(({ removed }) => removed).map((each) => [each.channel, each]));
    expect(Object.fromEntries(removals)).toMatchObject({
      partner: { entered_by: 'first', key_id: 'key', lead_type: 'motor' },
      operator: { entered_by: null, lead_type: 'motor', entered_at: expect.any(String) },
      import: { entered_by: 'tps', lead_type: 'motor' },
    });
  },

  'documents objections and restores, which take effect in the same transaction': async (open) => {
    const { store, first, from } = await seeded(open());
    await store.submit(from(first.id));
    const objection = { type: undefined, reason: 'no calls', mobile: person.mobile } as const;
    await store.recordObjection(
      { ...objection, partner: 'first', keyId: 'key', receivedAt: 5 },
      { max: 10, since: 0 },
    );
    const entry = { ...objection, objectedAt: 6 };
    await store.addSuppressions([{ ...entry, source: 'operator', sourceId: '' }]);
    await store.addSuppressions([{ ...entry, source: 'import', sourceId: 'tps' }]);
    await markRestored(store, { backup: 'leads.db.1', restoredAt: Date.now() });
    await appendAll(store);
    const about = await store.evidenceOf(person.mobile);
    const objections = about.filter(({ kind }) => kind === 'objection');
    expect(objections.map(({ content }) => JSON.parse(content ?? ''))).toMatchObject([
      { channel: 'partner', entered_by: 'first', key_id: 'key', lead_type: 'all', reason: 'no calls' },
      { channel: 'operator', entered_by: null },
    ]);
    expect(await verifyEvidence(store, keys)).toMatchObject({ faults: [], restores: [expect.any(Number)] });
  },
};
