import type { StoreKeys } from './store-keys.ts';

/** What can no longer be verified or recognised if a key is lost. */
export interface StoreKeyUses {
  /** Number of entries of evidence that can no longer be verified. */
  evidence: number;
  /** Number of erased people whose erasure is no longer repeated after a restore. */
  erasures: number;
  /** Number of digests in the do-not-call list and in the lists of registries, of any key: those of this key recognise nobody. */
  suppressions: number;
  /** Number of digests of people who were called, of any key. */
  contacts: number;
}

/** A lost key that an operator has recorded as such. */
export interface ForgottenKey {
  id: string;
  /** Milliseconds since 1970. */
  forgottenAt: number;
}

/** The ids of the keys that a store was used with, and the keys themselves while it is open. */
export interface StoreKeyRecords {
  /** Returns the ids of the keys that were current, oldest first, without those that were forgotten. */
  storeKeyIds(): Promise<string[]>;
  /** Returns the lost keys that were forgotten, oldest first. */
  forgottenStoreKeys(): Promise<ForgottenKey[]>;
  /** Records that a key is current. Has no effect if it is recorded already. A forgotten key is no longer lost. */
  recordStoreKey(id: string): Promise<void>;
  /** Counts what was made with a key. Reads all evidence. */
  usesOfStoreKey(id: string): Promise<StoreKeyUses>;
  /**
   * Records that a key is lost, so that another can take its place. Nothing is removed.
   *
   * @throws {UserError} if it is not recorded, or was forgotten already
   */
  forgetStoreKey(id: string): Promise<void>;
  /**
   * Sets the keys with which numbers are replaced by digests and looked up under them. Without keys, digests recognise
   * nobody.
   */
  useKeys(keys: StoreKeys): void;
  /** Returns whether the store contains digests by which people are recognised. */
  hasDigests(): Promise<boolean>;
}
