import { setTimeout as sleep } from 'node:timers/promises';
import { eraseFiles } from './erase-files.ts';
import type { Maintenance, Pruned } from './maintenance.ts';
import { stepDelay } from './steps.ts';

/**
 * Removes, in small steps, what was received before a time, and erases it from the store's files.
 *
 * @param before milliseconds since 1970
 * @param onStep called after each step with the total so far
 * @returns the total
 */
export async function pruneAll(
  store: Pick<Maintenance, 'prune' | 'pruneContacts' | 'erase'>,
  before: number,
  onStep: (total: Pruned) => void = () => {},
): Promise<Pruned> {
  const total: Pruned = {
    submissions: 0,
    cancellations: 0,
    leads: 0,
    attempts: 0,
    contacts: 0,
    withoutKey: 0,
  };
  for (let after: string | undefined = ''; after !== undefined; ) {
    const step = await store.prune(before, after);
    total.submissions += step.submissions;
    total.cancellations += step.cancellations;
    total.leads += step.leads;
    total.attempts += step.attempts;
    onStep(total);
    after = step.next;
    if (after !== undefined) await sleep(stepDelay);
  }
  for (let after: string | undefined = ''; after !== undefined; ) {
    const step = await store.pruneContacts(before, after);
    total.leads += step.contacts;
    total.contacts += step.contacts;
    total.withoutKey += step.withoutKey;
    onStep(total);
    after = step.next;
    if (after !== undefined) await sleep(stepDelay);
  }
  await eraseFiles(store);
  return total;
}
