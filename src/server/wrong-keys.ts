import { TokenBucket } from 'limiter';
import { networkOf } from './client-address.ts';

/** How many requests without a good key one address may send. */
const allowed = { atOnce: 30, perSecond: 1 };

/** As it is told to who has sent too many (draft-ietf-httpapi-ratelimit-headers). */
const policy = `"wrong-keys";q=${allowed.atOnce};w=${allowed.atOnce / allowed.perSecond}`;

/** What is said of a limit that is used up, for `wait` seconds. */
export function wrongKeysHeaders(wait: number): Record<string, string> {
  return { 'RateLimit-Policy': policy, RateLimit: `"wrong-keys";r=0;t=${wait}` };
}

/** So many addresses and good keys are remembered at most: beyond, the oldest tenth is forgotten. */
const mostRemembered = 10_000;

/**
 * Keeps an address from trying one key after the other: once it has sent too many that are not good, its
 * keys are not even looked up for a while. A key that was good a while ago is looked up all the same, so
 * that partners behind one proxy do not shut each other out.
 */
export class WrongKeys {
  readonly #failures = new Map<string, TokenBucket>();
  /** Digests. They decide what is looked up, never who is let in. */
  readonly #seenGood = new Set<string>();

  /** Whether a key was good a while ago, so that it is looked up whoever sends it. */
  isTrusted(digest: string | undefined): boolean {
    return digest !== undefined && this.#seenGood.has(digest);
  }

  /** For how many seconds no other key of this address is looked up; 0 where one may be. */
  blocks(address: string): number {
    const bucket = this.#failures.get(networkOf(address));
    return bucket === undefined ? 0 : Math.ceil(bucket.getWaitTime(1) / 1_000);
  }

  /** Counts a request without a good key. */
  failed(address: string): void {
    const network = networkOf(address);
    let bucket = this.#failures.get(network);
    if (bucket === undefined) {
      forgetOldest(this.#failures);
      bucket = new TokenBucket({
        bucketSize: allowed.atOnce,
        tokensPerInterval: allowed.perSecond,
        interval: 'second',
      });
      bucket.content = allowed.atOnce;
      this.#failures.set(network, bucket);
    }
    bucket.tryRemoveTokens(1);
  }

  /** Remembers a key that was good just now. */
  wasGood(digest: string): void {
    if (this.#seenGood.has(digest)) return;
    forgetOldest(this.#seenGood);
    this.#seenGood.add(digest);
  }
}

/**
 * A Map and a Set keep the order in which their members came. Many are forgotten at once, since whoever looks for the
 * oldest walks over all that were forgotten before: one at a time took a sixth of a server that is sent wrong keys from
 * ever new addresses (`npm run bench`, the row of 401).
 */
function forgetOldest(members: Map<string, unknown> | Set<string>): void {
  if (members.size < mostRemembered) return;
  let excess = mostRemembered / 10;
  for (const member of members.keys()) {
    members.delete(member);
    excess -= 1;
    if (excess === 0) return;
  }
}
