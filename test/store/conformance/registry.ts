/** Partners, types and keys. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import { cancel } from '../../harness/server.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, person, setClock } from './behaviour.ts';

export const registry: Behaviours = {
  'finds a key by its digest until it is revoked': async (open) => {
    const { store, first } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    expect(await store.keyHolder('digest-1')).toEqual({
      keyId: 'key-1',
      digest: 'digest-1',
      partner: first,
      limit: 'default',
      dailyQuota: null,
      maxPriority: 9,
      isTest: false,
    });
    expect(await store.keyHolder('digest-2')).toBeUndefined();
    expect(await store.activeKeyDigests()).toEqual(['digest-1']);
    await store.revokeKey('key-1');
    await store.revokeKey('key-1');
    expect(await store.keyHolder('digest-1')).toEqual({
      keyId: 'key-1',
      digest: 'digest-1',
      partner: first,
      reason: 'revoked',
    });
    expect(await store.activeKeyDigests()).toEqual([]);
    expect(await Array.fromAsync(store.keys('second'))).toEqual([]);
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([{ id: 'key-1', partner: 'first' }]);
  },

  'replaces a test key by another test key': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1', true);
    await store.addKey('first', 'key-2', 'digest-2');
    expect(await store.keyHolder('digest-1')).toMatchObject({ keyId: 'key-1', isTest: true });
    await store.rotateKey('key-1', { id: 'key-3', digest: 'digest-3', oldUntil: Date.now() + hour });
    await store.rotateKey('key-2', { id: 'key-4', digest: 'digest-4', oldUntil: Date.now() + hour });
    expect(await store.keyHolder('digest-3')).toMatchObject({ keyId: 'key-3', isTest: true });
    expect(await store.keyByDigest('digest-3')).toMatchObject({ isTest: true });
    const keys = await Array.fromAsync(store.keys('first'));
    expect(keys.map(({ isTest }) => isTest)).toEqual([true, false, true, false]);
  },

  'finds the record of a key by its digest, whatever its state': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    await store.addKey('second', 'key-2', 'digest-2');
    const found = await store.keyByDigest('digest-1');
    expect(found).toEqual((await Array.fromAsync(store.keys('first')))[0]);
    expect(found).toMatchObject({ id: 'key-1', partner: 'first', state: 'active', replacedBy: null });
    await store.revokeKey('key-1');
    expect(await store.keyByDigest('digest-1')).toMatchObject({ id: 'key-1', state: 'revoked' });
    expect(await store.keyByDigest('digest-3')).toBeUndefined();
  },

  'reports first why a key is rejected for good': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    await store.suspendPartner('first');
    await store.rotateKey('key-1', { id: 'key-2', digest: 'digest-2', oldUntil: Date.now() });
    expect(await store.keyHolder('digest-1')).toMatchObject({ reason: 'expired' });
    await store.revokeKey('key-1');
    expect(await store.keyHolder('digest-1')).toMatchObject({ reason: 'revoked' });
    await store.deletePartner('first');
    expect(await store.keyHolder('digest-1')).toMatchObject({ reason: 'deleted' });
  },

  'accepts a rotated key until it expires, together with the new one': async (open) => {
    const { store, first } = await seeded(open());
    await store.addKey('first', 'old', 'old digest');
    const oldUntil = Date.now() + hour;
    expect(await store.rotateKey('old', { id: 'new', digest: 'new digest', oldUntil })).toEqual({
      partner: 'first',
    });
    expect(await store.keyHolder('new digest')).toMatchObject({ keyId: 'new', partner: first });
    await setClock(oldUntil - 1);
    expect(await store.keyHolder('old digest')).toMatchObject({ keyId: 'old' });
    await setClock(oldUntil);
    expect(await store.keyHolder('old digest')).toMatchObject({ keyId: 'old', reason: 'expired' });
    expect(await store.keyHolder('new digest')).toMatchObject({ keyId: 'new' });
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([
      { id: 'new', expiresAt: null },
      { id: 'old', expiresAt: oldUntil, state: 'expired' },
    ]);
    expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', keys: 1 });
    const next = { id: 'newer', digest: 'newer digest', oldUntil: Date.now() };
    await expect(store.rotateKey('old', next)).rejects.toThrow(UserError);
    await expect(store.rotateKey('nothing', next)).rejects.toThrow(UserError);
    expect(await store.keyHolder('newer digest')).toBeUndefined();
  },

  'does not rotate a key again: reports its replacement and until when it works': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'old', 'old digest');
    await store.rotateKey('old', { id: 'new', digest: 'new digest', oldUntil: Date.now() + hour });
    const before = await Array.fromAsync(store.keys('first'));
    expect(before).toMatchObject([
      { id: 'new', replacedBy: null, expiresAt: null },
      { id: 'old', replacedBy: 'new' },
    ]);
    const [at] = new Date(before[1]?.expiresAt ?? 0).toISOString().split('.');
    const again = store.rotateKey('old', { id: 'third', digest: 'third', oldUntil: Date.now() + 2 * hour });
    await expect(again).rejects.toThrow(
      `Key old has already been replaced by key new, and works until ${at}Z, so nothing was changed.`,
    );
    expect(await Array.fromAsync(store.keys('first'))).toEqual(before);
  },

  'records when a key was last used, and never an earlier time': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    await store.addKey('first', 'key-2', 'digest-2');
    await store.recordKeyLastUsed(new Map([['key-1', 2_000]]));
    await store.recordKeyLastUsed(
      new Map([
        ['key-1', 1_000],
        ['gone', 3_000],
      ]),
    );
    const keys = await Array.fromAsync(store.keys('first'));
    expect(keys.map(({ lastUsedAt }) => lastUsedAt)).toEqual([2_000, null]);
  },

  'applies a partner’s limit to its keys immediately': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    for (const limit of [{ perSecond: 5, burst: 50 }, 'off', 'default'] as const) {
      await store.limitPartner('first', limit);
      expect(await store.keyHolder('digest-1')).toMatchObject({ limit });
      expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', limit });
    }
    await expect(store.limitPartner('nobody', 'off')).rejects.toThrow(UserError);
  },

  'applies a partner’s maximum priority to its keys immediately, and records it in the audit log': async (
    open,
  ) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    store.actAs({ operator: 'alice', host: 'server-1', command: 'partner limit' });
    expect(await store.keyHolder('digest-1')).toMatchObject({ maxPriority: 9 });
    await store.setMaxPriority('first', 3);
    expect(await store.keyHolder('digest-1')).toMatchObject({ maxPriority: 3 });
    expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', maxPriority: 3 });
    expect(await Array.fromAsync(store.auditEntries({}, 1))).toMatchObject([
      { subject: { kind: 'partner', id: 'first' }, before: { max_priority: 9 }, after: { max_priority: 3 } },
    ]);
  },

  'applies a partner’s daily quota to its keys immediately, and records it in the audit log': async (
    open,
  ) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    store.actAs({ operator: 'alice', host: 'server-1', command: 'partner limit' });
    for (const dailyQuota of [5, 3_000_000_000, null]) {
      await store.setDailyQuota('first', dailyQuota);
      expect(await store.keyHolder('digest-1')).toMatchObject({ dailyQuota });
      expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', dailyQuota });
    }
    await expect(store.setDailyQuota('nobody', 5)).rejects.toThrow(UserError);
    expect(await Array.fromAsync(store.auditEntries({}, 9))).toMatchObject([
      { before: { daily_quota: 3_000_000_000 }, after: { daily_quota: null } },
      { before: { daily_quota: 5 }, after: { daily_quota: 3_000_000_000 } },
      { subject: { kind: 'partner', id: 'first' }, before: { daily_quota: null }, after: { daily_quota: 5 } },
    ]);
  },

  'rejects an unknown or existing name and changes nothing': async (open) => {
    const { store } = await seeded(open());
    await expect(store.addType('motor', null)).rejects.toThrow(
      'Lead type "motor" already exists. Choose another name.',
    );
    await expect(store.addPartner('first', [])).rejects.toThrow(
      'Partner "first" already exists. Choose another name.',
    );
    await expect(store.addPartner('third', ['motor', 'nothing'])).rejects.toThrow(UserError);
    await expect(store.grantType('third', 'motor')).rejects.toThrow('Partner "third" does not exist.');
    await expect(store.addKey('third', 'id', 'digest')).rejects.toThrow(UserError);
    await expect(store.revokeKey('nothing')).rejects.toThrow(UserError);
    await expect(Array.fromAsync(store.keys('third'))).rejects.toThrow(UserError);
    expect((await Array.fromAsync(store.partners())).map(({ name }) => name)).toEqual(['first', 'second']);
  },

  'accepts no more leads of a revoked type from the partner, which can still cancel and look up its leads':
    async (open) => {
      const { store, first, second, from } = await seeded(open());
      await store.submit(from(first.id));
      await store.revokeType('first', 'motor');
      await store.revokeType('first', 'motor');
      const other = { mobile: '+447840258824' };
      expect(await store.isGranted(first.id, 'motor')).toBe(false);
      expect(await store.submit(from(first.id, other))).toMatchObject({ outcome: 'unknown-type' });
      expect(await store.submit(from(second.id, other))).toMatchObject({ outcome: 'accepted' });
      expect(await store.leadStatus({ partnerId: first.id, ...person })).toMatchObject({
        state: 'scheduled',
      });
      expect(await cancel(store, { partnerId: first.id, ...person })).toMatchObject({ outcome: 'cancelled' });
      expect(await Array.fromAsync(store.types())).toMatchObject([{ name: 'motor', partners: ['second'] }]);
      expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', types: [] });
      await store.grantType('first', 'motor');
      expect(await store.submit(from(first.id))).toMatchObject({ outcome: 'accepted' });
      await store.addType('home', null);
      await expect(store.revokeType('first', 'home')).rejects.toThrow('was never granted to partner "first"');
    },

  'accepts no key of a suspended partner until it is resumed': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    await store.addKey('second', 'key-2', 'digest-2');
    await store.suspendPartner('first');
    await store.suspendPartner('first');
    expect(await store.keyHolder('digest-1')).toMatchObject({ keyId: 'key-1', reason: 'suspended' });
    expect(await store.keyHolder('digest-2')).toMatchObject({ keyId: 'key-2' });
    expect(await store.activeKeyDigests()).toEqual(['digest-2']);
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([
      { id: 'key-1', state: 'suspended', partnerState: 'suspended', revokedAt: null },
    ]);
    const [suspended] = await Array.fromAsync(store.partners());
    expect(suspended).toMatchObject({ name: 'first', suspendedAt: expect.any(Number), keys: 1 });
    await store.resumePartner('first');
    expect(await store.keyHolder('digest-1')).toMatchObject({ keyId: 'key-1' });
    expect(await store.activeKeyDigests()).toHaveLength(2);
    await expect(store.resumePartner('first')).rejects.toThrow('Partner "first" is not suspended.');
    await expect(store.suspendPartner('nobody')).rejects.toThrow(UserError);
  },

  'keeps the name, leads and submissions of a deleted partner, and nothing else can use them': async (
    open,
  ) => {
    const { store, first, from } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    await store.submit(from(first.id));
    await store.deletePartner('first');
    await store.deletePartner('first');
    expect(await store.keyHolder('digest-1')).toMatchObject({ keyId: 'key-1', reason: 'deleted' });
    expect(await store.activeKeyDigests()).toEqual([]);
    expect(await store.submit(from(first.id, { mobile: '+447840258824' }))).toMatchObject({
      outcome: 'unknown-type',
    });
    expect(await Array.fromAsync(store.leads({ partner: 'first' }, 10))).toMatchObject([
      { partner: 'first', state: 'scheduled' },
    ]);
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([
      { partnerState: 'deleted', revokedAt: expect.any(Number) },
    ]);
    expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({
      name: 'first',
      deletedAt: expect.any(Number),
      types: [],
      keys: 0,
    });
    expect(await Array.fromAsync(store.types())).toMatchObject([{ partners: ['second'] }]);
    await expect(store.addPartner('first', [])).rejects.toThrow(
      'Partner "first" was deleted, and its name cannot be used again',
    );
    for (const change of [
      () => store.addKey('first', 'key-3', 'digest-3'),
      () => store.grantType('first', 'motor'),
      () => store.revokeType('first', 'motor'),
      () => store.limitPartner('first', 'off'),
      () => store.setDailyQuota('first', 5),
      () => store.setMaxPriority('first', 5),
      () => store.suspendPartner('first'),
      () => store.resumePartner('first'),
    ]) {
      await expect(change()).rejects.toThrow('Partner "first" was deleted at ');
    }
    await expect(store.deletePartner('nobody')).rejects.toThrow(UserError);
  },

  'adds the first partner with its type and key, unless there is a partner or a type': async (open) => {
    const store = await open();
    expect(await store.addFirstPartner('demo', 'motor', 'key', 'digest')).toBe(true);
    const holder = await store.keyHolder('digest');
    expect(holder).toMatchObject({ keyId: 'key', partner: { name: 'demo' } });
    expect(await store.isGranted(holder?.partner.id ?? 0, 'motor')).toBe(true);
    expect(await store.addFirstPartner('other', 'other', 'other', 'other')).toBe(false);
    expect((await Array.fromAsync(store.partners())).map(({ name }) => name)).toEqual(['demo']);

    const withType = await open();
    await withType.addType('motor', null);
    expect(await withType.addFirstPartner('demo', 'other', 'key', 'digest')).toBe(false);
    expect(await Array.fromAsync(withType.partners())).toEqual([]);
  },

  'adds the whole first partner or nothing of it': async (open) => {
    const store = await open();
    // The cast: a digest that the database refuses, after the partner and the type were inserted.
    await expect(store.addFirstPartner('demo', 'motor', 'key', null as unknown as string)).rejects.toThrow();
    expect(await Array.fromAsync(store.partners())).toEqual([]);
    expect(await Array.fromAsync(store.types())).toEqual([]);
  },
};
