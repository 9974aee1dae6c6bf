/** The ids of the keys that a store was used with. */
export interface KeyRecords {
  /** Returns the ids of the keys that were current, oldest first. */
  storeKeyIds(): Promise<string[]>;
  /** Records that a key is current. Has no effect if it is recorded already. */
  recordStoreKey(id: string): Promise<void>;
}
