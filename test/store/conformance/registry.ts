/** Partners, types and keys. */
import { expect } from 'vitest';
import { UserError } from '../../../src/errors/user-error.ts';
import { seeded } from '../stores.ts';
import { type Behaviours, hour, setClock } from './behaviour.ts';

export const registry: Behaviours = {
  'finds a key by its digest until it is revoked': async (open) => {
    const { store, first } = await seeded(open());
    await store.addKey('first', 'key-1', 'digest-1');
    expect(await store.keyHolder('digest-1')).toEqual({
      keyId: 'key-1',
      digest: 'digest-1',
      partner: first,
      limit: 'default',
    });
    expect(await store.keyHolder('digest-2')).toBeUndefined();
    expect(await store.activeKeyDigests()).toEqual(['digest-1']);
    await store.revokeKey('key-1');
    await store.revokeKey('key-1');
    expect(await store.keyHolder('digest-1')).toBeUndefined();
    expect(await store.activeKeyDigests()).toEqual([]);
    expect(await Array.fromAsync(store.keys('second'))).toEqual([]);
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([{ id: 'key-1', partner: 'first' }]);
  },

  'accepts a rotated key until it expires, together with the new one': async (open) => {
    const { store, first } = await seeded(open());
    await store.addKey('first', 'old', 'old digest');
    const oldUntil = Date.now() + hour;
    expect(await store.rotateKey('old', { id: 'new', digest: 'new digest', oldUntil })).toEqual({
      partner: 'first',
      oldUntil,
    });
    expect(await store.keyHolder('new digest')).toMatchObject({ keyId: 'new', partner: first });
    await setClock(oldUntil - 1);
    expect(await store.keyHolder('old digest')).toMatchObject({ keyId: 'old' });
    await setClock(oldUntil);
    expect(await store.keyHolder('old digest')).toBeUndefined();
    expect(await store.keyHolder('new digest')).toMatchObject({ keyId: 'new' });
    expect(await Array.fromAsync(store.keys('first'))).toMatchObject([
      { id: 'new', expiresAt: null },
      { id: 'old', expiresAt: oldUntil },
    ]);
    expect((await Array.fromAsync(store.partners()))[0]).toMatchObject({ name: 'first', keys: 1 });
    const next = { id: 'newer', digest: 'newer digest', oldUntil: Date.now() };
    await expect(store.rotateKey('old', next)).rejects.toThrow(UserError);
    await expect(store.rotateKey('nothing', next)).rejects.toThrow(UserError);
    expect(await store.keyHolder('newer digest')).toBeUndefined();
  },

  'does not extend the life of a key that is rotated again, but may shorten it': async (open) => {
    const { store } = await seeded(open());
    await store.addKey('first', 'old', 'old digest');
    const inAnHour = Date.now() + hour;
    for (const [id, wanted, oldUntil] of [
      ['second', inAnHour, inAnHour],
      ['third', inAnHour + hour, inAnHour],
      ['fourth', inAnHour - 1, inAnHour - 1],
    ] as const) {
      const rotated = await store.rotateKey('old', { id, digest: id, oldUntil: wanted });
      expect(rotated).toEqual({ partner: 'first', oldUntil });
      const keys = await Array.fromAsync(store.keys('first'));
      expect(keys.find((key) => key.id === 'old')?.expiresAt).toBe(oldUntil);
    }
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
