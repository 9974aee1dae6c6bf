/** The settings that the servers and commands of a store share. */
import { expect } from 'vitest';
import type { Behaviours } from './behaviour.ts';

export const settings: Behaviours = {
  'records a setting once, and changes it only if it is set': async (open) => {
    const store = await open();
    expect(await store.settings()).toEqual([]);
    const begun = Date.now();
    const recorded = await store.recordSettings({ DIAL_WITHIN: '2h', DEFAULT_COUNTRY: 'GB' });
    expect(recorded).toMatchObject([
      { name: 'DEFAULT_COUNTRY', value: 'GB' },
      { name: 'DIAL_WITHIN', value: '2h' },
    ]);
    expect(recorded[0]?.setAt).toBeGreaterThanOrEqual(begun);
    expect(await store.recordSettings({ DEFAULT_COUNTRY: 'FR' })).toEqual(recorded);

    await store.setSetting('DEFAULT_COUNTRY', 'DE');
    await store.setSetting('ALLOWED_COUNTRIES', 'DE');
    expect(await store.settings()).toMatchObject([
      { name: 'ALLOWED_COUNTRIES', value: 'DE' },
      { name: 'DEFAULT_COUNTRY', value: 'DE' },
      { name: 'DIAL_WITHIN', value: '2h' },
    ]);
  },

  'records which keys it was used with, each of them once, and forgets a lost one': async (open) => {
    const store = await open();
    expect(await store.storeKeyIds()).toEqual([]);
    await store.recordStoreKey('0123456789abcdef');
    await store.recordStoreKey('0123456789abcdef');
    expect(await store.storeKeyIds()).toEqual(['0123456789abcdef']);
    await store.recordStoreKey('fedcba9876543210');
    await store.forgetStoreKey('0123456789abcdef');
    expect(await store.storeKeyIds()).toEqual(['fedcba9876543210']);
    expect(await store.forgottenStoreKeys()).toEqual([
      { id: '0123456789abcdef', forgottenAt: expect.any(Number) },
    ]);
    await expect(store.forgetStoreKey('0123456789abcdef')).rejects.toThrow('"0123456789abcdef"');
    // It was found.
    await store.recordStoreKey('0123456789abcdef');
    expect(await store.storeKeyIds()).toHaveLength(2);
    expect(await store.forgottenStoreKeys()).toEqual([]);
  },
};
