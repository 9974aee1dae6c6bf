import { setTimeout as sleep } from 'node:timers/promises';
import type { Maintenance } from './maintenance.ts';
import { stepDelay } from './steps.ts';

/** Erases, in small steps, what removed rows have left in a store's files. @throws {UserError} as `Maintenance.erase` */
export async function eraseFiles(store: Pick<Maintenance, 'erase'>): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined; ) {
    after = await store.erase(after);
    if (after !== undefined) await sleep(stepDelay);
  }
}
