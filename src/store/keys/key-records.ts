import type { StoreKeys } from './store-keys.ts';

/** The ids of the keys that a store was used with, and the keys themselves while it is open. */
export interface KeyRecords {
  /** Returns the ids of the keys that were current, oldest first. */
  storeKeyIds(): Promise<string[]>;
  /** Records that a key is current. Has no effect if it is recorded already. */
  recordStoreKey(id: string): Promise<void>;
  /**
   * Sets the keys with which numbers are replaced by digests and looked up under them. Without keys, digests recognise
   * nobody.
   */
  useKeys(keys: StoreKeys): void;
  /** Returns whether the store contains digests by which people are recognised. */
  hasDigests(): Promise<boolean>;
}
