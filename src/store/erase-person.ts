import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { eraseFiles } from './erase-files.ts';
import type { AppendTerms, Evidence } from './evidence/evidence.ts';
import { findErased } from './find-person.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { Maintenance } from './maintenance.ts';
import type { DeliveryState, Erasure, ErasureResult, People, PersonKey } from './people.ts';

/** Interval at which the end of attempts and withdrawals is awaited (ms). */
const waitInterval = 100;

/** How an erasure proceeds. */
export interface ErasureOptions {
  /** Maximum time to wait for attempts in flight and withdrawals (ms). */
  maxWait: number;
  /** Whether leads are withdrawn from the dialler first, if their types do so. */
  isWithdrawing: boolean;
  /** With what evidence is completed before its rows are erased. */
  evidence: Pick<AppendTerms, 'key' | 'parsePhone'>;
}

/** Maximum number of entries that are added to the chain of evidence in one step. */
const evidenceStep = 500;

/**
 * Erases a person. First ends the person's leads that wait for delivery, so that no attempt starts any more, and waits
 * for the attempts in flight and for the withdrawals, which a server carries out and repeats.
 *
 * @throws {UserError} if they have not ended; nothing is erased, and nothing more is delivered
 */
export async function erasePerson(
  store: People & Pick<Evidence, 'appendEvidence'>,
  person: PersonKey,
  erasure: Erasure,
  { maxWait, isWithdrawing, evidence }: ErasureOptions,
): Promise<ErasureResult> {
  const deadline = performance.now() + maxWait;
  for (let state = await store.stopDelivery(person, isWithdrawing); ; ) {
    const isWithdrawn = state.withdrawing.length === 0 && state.repeating.length === 0;
    if (state.inFlight.length === 0 && (isWithdrawn || !isWithdrawing)) {
      const result = await store.erasePerson(person, erasure, evidence.key);
      if (result.inFlight.length === 0 && !result.isEvidenceMissing) return result;
      // What this does not add, a server is adding at the moment.
      if (result.isEvidenceMissing) await store.appendEvidence({ ...evidence, limit: evidenceStep });
    }
    if (performance.now() >= deadline) throw new UserError(describeWait(state));
    await sleep(waitInterval);
    state = await store.deliveryState(person);
  }
}

function describeWait({ inFlight, withdrawing, repeating }: DeliveryState): string {
  if (inFlight.length > 0) {
    return `An attempt to deliver lead ${inFlight.join(', ')} is in flight, so nothing was erased. No other attempt will start. Run the command again in a minute.`;
  }
  if (withdrawing.length === 0 && repeating.length > 0) {
    return `Lead ${repeating.join(', ')} was withdrawn when the dialler may have been about to call it, and a server has not removed it once more yet, so nothing was erased. Run the command again in two minutes, or pass --skip-dialler and check that the dialler does not have the lead.`;
  }
  if (withdrawing.length === 0) {
    return 'The evidence of the person is not complete yet, so nothing was erased. Run the command again in a minute.';
  }
  return `The dialler has not confirmed yet that lead ${withdrawing.join(', ')} is withdrawn, so nothing was erased. Run the command again when a server has withdrawn it, or pass --skip-dialler and delete the lead there yourself.`;
}

/**
 * Erases the people of erasures that a store does not have, because it was restored from before, and records them.
 *
 * @param erasures that were made in any copy of this store
 * @returns the number of people of whom it contained data
 */
export async function applyErasures(
  store: People & Pick<Evidence, 'appendEvidence'> & Pick<Maintenance, 'erase'>,
  parsePhone: ParsePhone,
  keys: StoreKeys,
  erasures: readonly Erasure[],
  maxWait: number,
): Promise<number> {
  const people = await findErased(store, parsePhone, keys, erasures);
  for (const { person, erasure } of people) {
    // What the person has sent since is not erased.
    await erasePerson(store, { ...person, receivedUntil: erasure.erasedAt }, erasure, {
      maxWait,
      isWithdrawing: false,
      evidence: { key: keys.current, parsePhone },
    });
  }
  await store.recordErasures(erasures.filter(({ keyId }) => keys.byId(keyId) !== undefined));
  if (people.length > 0) await eraseFiles(store);
  return people.length;
}

/** Returns those of the erasures that a store has not recorded. */
export async function missingErasures(store: People, erasures: readonly Erasure[]): Promise<Erasure[]> {
  const recorded = new Set<string>();
  for await (const erasure of store.erasures()) recorded.add(erasureId(erasure));
  return erasures.filter((erasure) => !recorded.has(erasureId(erasure)));
}

/** Returns a text that identifies an erasure in every copy of a store. */
export function erasureId({ digest, erasedAt }: Erasure): string {
  return `${digest} ${erasedAt}`;
}
