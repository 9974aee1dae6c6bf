import { setTimeout as sleep } from 'node:timers/promises';
import type { Maintenance, Pruned } from './store.ts';

/** So many submissions are looked at in one step, since a step keeps others from writing. */
export const stepSize = 500;

/** The pause after a step, in which those who wait get their turn, in milliseconds. */
const pause = 10;

/**
 * Removes, in small steps, what was received before a time, and erases what it leaves in the store's files.
 *
 * @param progress is called after each step with what was removed so far
 */
export async function pruneAll(
  upkeep: Maintenance,
  before: number,
  progress: (soFar: Pruned) => void = () => {},
): Promise<Pruned> {
  const total: Pruned = { submissions: 0, cancellations: 0, leads: 0, attempts: 0 };
  for (let after: string | undefined = ''; after !== undefined; ) {
    const step = await upkeep.prune(before, after);
    total.submissions += step.submissions;
    total.cancellations += step.cancellations;
    total.leads += step.leads;
    total.attempts += step.attempts;
    progress(total);
    after = step.next;
    if (after !== undefined) await sleep(pause);
  }
  for (let after: number | undefined = 0; after !== undefined; ) {
    after = await upkeep.erase(after);
    if (after !== undefined) await sleep(pause);
  }
  return total;
}
