/** Maximum size of all large bodies in flight (bytes). */
const defaultMaxTotal = 32 * 1024 * 1024;

/** Maximum size of the large bodies in flight of one key (bytes). */
const defaultMaxPerKey = 8 * 1024 * 1024;

/** Whether a body may be read. `full`: other keys' bodies are in flight. */
export type BytesAdmission = 'admitted' | 'full-for-key' | 'full';

/** Limits the memory that large bodies occupy, from before they are read until their responses are complete. */
export class BytesInFlight {
  readonly #maxTotal: number;
  readonly #maxPerKey: number;
  readonly #ofKeys = new Map<string, number>();
  #total = 0;

  constructor(maxPerKey = defaultMaxPerKey, maxTotal = defaultMaxTotal) {
    this.#maxPerKey = maxPerKey;
    this.#maxTotal = maxTotal;
  }

  /** Counts a body until it leaves, if it is admitted. */
  enter(keyId: string, bytes: number): BytesAdmission {
    const ofKey = (this.#ofKeys.get(keyId) ?? 0) + bytes;
    if (ofKey > this.#maxPerKey) return 'full-for-key';
    if (this.#total + bytes > this.#maxTotal) return 'full';
    this.#ofKeys.set(keyId, ofKey);
    this.#total += bytes;
    return 'admitted';
  }

  /** Stops counting a body that was admitted. */
  leave(keyId: string, bytes: number): void {
    this.#total -= bytes;
    const left = (this.#ofKeys.get(keyId) ?? bytes) - bytes;
    if (left > 0) this.#ofKeys.set(keyId, left);
    else this.#ofKeys.delete(keyId);
  }
}
