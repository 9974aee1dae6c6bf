import type { StoreKeys } from './store-keys.ts';

/** Makes the digests of phone numbers under which an open store looks for people whose numbers it no longer contains. */
export class PersonDigests {
  #keys: StoreKeys | undefined;

  /**
   * Whether the store was seen to contain digests. As long as it is false, the hot path makes none; statements report
   * if that was wrong, because another process may add the first one at any time.
   */
  areUsed = false;

  /** Sets the keys of the store. Without them, digests recognise nobody. */
  useKeys(keys: StoreKeys): void {
    this.#keys = keys;
  }

  /** Returns the digests of a phone number with every key, the current one first. Empty: there is no key. */
  of(mobile: string): string[] {
    return this.#keys?.personDigests(mobile) ?? [];
  }

  /** Returns the digest with the current key; undefined: there is no key. */
  currentOf(mobile: string): string | undefined {
    return this.#keys?.current.personDigest(mobile);
  }

  /** Returns a phone number with its digests. */
  withDigests(mobile: string): string[] {
    return [mobile, ...this.of(mobile)];
  }
}
