import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { eraseFiles } from './erase-files.ts';
import { findErased } from './find-person.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { Erasure, ErasureResult, People, PersonKey } from './people.ts';
import type { Maintenance } from './store.ts';

/** Interval at which the end of an attempt in flight is awaited (ms). */
const inFlightInterval = 100;

/**
 * Erases a person. First ends the person's leads that wait for delivery, so that no attempt starts any more, and waits for
 * the attempts in flight.
 *
 * @param maxWait maximum time to wait for attempts in flight (ms)
 * @throws {UserError} if an attempt is still in flight; nothing is erased, and nothing more is delivered
 */
export async function erasePerson(
  store: People,
  person: PersonKey,
  erasure: Erasure,
  maxWait: number,
): Promise<ErasureResult> {
  for (const deadline = performance.now() + maxWait; ; await sleep(inFlightInterval)) {
    const inFlight = await store.stopDelivery(person);
    if (inFlight.length === 0) {
      const result = await store.erasePerson(person, erasure);
      if (result.inFlight.length === 0) return result;
    }
    if (performance.now() < deadline) continue;
    throw new UserError(
      `An attempt to deliver lead ${inFlight.join(', ')} is in flight, so nothing was erased. No other attempt will start. Run the command again in a minute.`,
    );
  }
}

/**
 * Erases the people of erasures that a store does not have, because it was restored from before, and records them.
 *
 * @param erasures that were made in any copy of this store
 * @returns the number of people of whom it contained data
 */
export async function applyErasures(
  store: People & Pick<Maintenance, 'erase'>,
  parsePhone: ParsePhone,
  keys: StoreKeys,
  erasures: readonly Erasure[],
  maxWait: number,
): Promise<number> {
  const people = await findErased(store, parsePhone, keys, erasures);
  for (const { person, erasure } of people) {
    // What the person has sent since is not erased.
    await erasePerson(store, { ...person, receivedUntil: erasure.erasedAt }, erasure, maxWait);
  }
  await store.recordErasures(erasures.filter(({ keyId }) => keys.byId(keyId) !== undefined));
  if (people.length > 0) await eraseFiles(store);
  return people.length;
}

/** Returns those of the erasures that a store has not recorded. */
export async function missingErasures(store: People, erasures: readonly Erasure[]): Promise<Erasure[]> {
  const recorded = new Set<string>();
  for await (const erasure of store.erasures()) recorded.add(keyOf(erasure));
  return erasures.filter((erasure) => !recorded.has(keyOf(erasure)));
}

/** Returns what identifies an erasure. */
export function keyOf({ digest, erasedAt }: Erasure): string {
  return `${digest} ${erasedAt}`;
}
