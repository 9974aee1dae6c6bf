import { createHmac, hkdfSync } from 'node:crypto';

/** Length of a derived key, and of a secret (bytes). */
export const keyLength = 32;

/** Length of a key's id (bytes). */
const idLength = 8;

/**
 * A key of a store, which is kept outside its database. A key for each purpose is derived from its secret (HKDF, RFC
 * 5869), so that no output of one purpose says anything about another.
 */
export class StoreKey {
  /** Identifies the key, and reveals nothing about its secret. */
  readonly id: string;
  readonly #evidence: Buffer;
  readonly #person: Buffer;
  readonly #webhook: Buffer;

  /** @param secret 32 random bytes */
  constructor(secret: Uint8Array) {
    this.id = derive(secret, 'id', idLength).toString('hex');
    this.#evidence = derive(secret, 'evidence', keyLength);
    this.#person = derive(secret, 'person', keyLength);
    this.#webhook = derive(secret, 'webhook', keyLength);
  }

  /** Returns the message authentication code of a text in the chain of evidence (HMAC-SHA-256, base64url). */
  evidenceMac(text: string): string {
    return createHmac('sha256', this.#evidence).update(text).digest('base64url');
  }

  /**
   * Returns the secret of a partner's webhook, in the form of Standard Webhooks. The database contains only the salt,
   * so that a copy of it signs nothing.
   *
   * @param salt random
   */
  webhookSecret(salt: string): string {
    return `whsec_${createHmac('sha256', this.#webhook).update(salt).digest('base64')}`;
  }

  /**
   * Returns the keyed digest of a phone number (HMAC-SHA-256, base64url): anyone who does not have the key cannot find
   * the number by trying all numbers.
   *
   * @param mobile E.164
   */
  personDigest(mobile: string): string {
    return createHmac('sha256', this.#person).update(mobile).digest('base64url');
  }
}

function derive(secret: Uint8Array, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `leads ${purpose} 1`, length));
}
