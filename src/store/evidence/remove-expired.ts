import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreKey } from '../keys/store-key.ts';
import { stepDelay } from '../steps.ts';
import type { Evidence } from './evidence.ts';

/**
 * Removes, in small steps, all evidence whose retention period has ended.
 *
 * @param before milliseconds since 1970
 * @returns the number of entries
 */
export async function removeExpiredEvidence(
  store: Pick<Evidence, 'removeExpiredEvidence'>,
  before: number,
  key: StoreKey | undefined,
): Promise<number> {
  let total = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const step = await store.removeExpiredEvidence(before, after, key);
    total += step.removed;
    after = step.next;
    if (after !== undefined) await sleep(stepDelay);
  }
  return total;
}
