import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedKeys } from '../app/store-keys.ts';
import { UserError } from '../errors/user-error.ts';
import type { StoreKey } from '../store/keys/store-key.ts';
import { stepDelay, stepSize } from '../store/steps.ts';
import type { OpenStore } from './context.ts';

/** Number of steps in a row that must find nothing: another process may be adding evidence. */
const idleSteps = 3;

/**
 * Returns the key with which evidence is added; undefined: the store never had one.
 *
 * @throws {UserError} if the store has a key that is missing: entries without protection would be in the chain for good
 */
export function evidenceKey({ keys, recorded, problem }: LoadedKeys): StoreKey | undefined {
  if (keys === undefined && recorded.length > 0) throw new UserError(problem);
  return keys?.current;
}

/** Adds everything that is stored to the chain of evidence. @param key undefined: the store has no key */
export async function completeEvidence(
  { store, parsePhone }: Pick<OpenStore, 'store' | 'parsePhone'>,
  key: StoreKey | undefined,
): Promise<void> {
  for (let idle = 0; idle < idleSteps; ) {
    const added = await store.appendEvidence({ key, parsePhone, limit: stepSize });
    idle = added === 0 ? idle + 1 : 0;
    await sleep(stepDelay);
  }
}
