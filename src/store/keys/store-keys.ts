import { randomBytes } from 'node:crypto';
import { UserError } from '../../errors/user-error.ts';
import { keyLength, StoreKey } from './store-key.ts';

/** A key as it is written: 64 hexadecimal digits. */
const written = /^[0-9a-f]{64}$/i;

/**
 * The keys of a store: the current one, and earlier ones, which verify evidence and find digests that were made with
 * them.
 */
export class StoreKeys {
  readonly #keys: readonly [StoreKey, ...StoreKey[]];

  private constructor(keys: readonly [StoreKey, ...StoreKey[]]) {
    this.#keys = keys;
  }

  /**
   * Reads keys from a text: 64 hexadecimal digits each, separated by line breaks, spaces or commas, the current one
   * first. Lines that start with `#` are comments.
   *
   * @param source where the text comes from, for errors
   * @throws {UserError} if the text contains anything else, or no key
   */
  static parse(text: string, source: string): StoreKeys {
    const words = text.split('\n').flatMap((line) => (line.startsWith('#') ? [] : line.split(/[\s,]+/)));
    const [first, ...others] = words.filter((word) => word !== '');
    // The message repeats no part of the text, which may be secret.
    if (first === undefined || ![first, ...others].every((word) => written.test(word))) {
      throw new UserError(
        `${source} contains no valid key of the store. Each key consists of 64 hexadecimal digits, as \`openssl rand -hex 32\` prints them.`,
      );
    }
    return new StoreKeys([keyOf(first), ...others.map(keyOf)]);
  }

  /** Creates a random key. Returns the text that `parse` reads. */
  static generate(): string {
    return randomBytes(keyLength).toString('hex');
  }

  /** The key that new evidence and new digests are made with. */
  get current(): StoreKey {
    return this.#keys[0];
  }

  /** Ids of all keys, the current one first. */
  get ids(): string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** Returns the key with an id; undefined: there is none. */
  byId(id: string): StoreKey | undefined {
    return this.#keys.find((key) => key.id === id);
  }

  /** Returns the digests of a phone number with every key, the current one first. @param mobile E.164 */
  personDigests(mobile: string): string[] {
    return this.#keys.map((key) => key.personDigest(mobile));
  }
}

function keyOf(hexadecimal: string): StoreKey {
  return new StoreKey(Buffer.from(hexadecimal, 'hex'));
}
