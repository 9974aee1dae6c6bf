import { UserError } from '../errors/user-error.ts';
import { newIdentifier } from '../leads/identifier.ts';
import type { DueLead } from '../store/store.ts';
import type { Session } from './session.ts';

/** How leads are taken. */
export interface TakeLimits {
  /** Maximum number of leads that are printed before they are recorded as delivered. */
  step: number;
  /** For how long the leads of a step are nobody else's, unless the lease is renewed (ms). */
  lease: number;
}

const defaultLimits: TakeLimits = { step: 50, lease: 60_000 };

/**
 * Delivers due leads by printing them, in steps: each step is recorded before the next is claimed. While the output
 * stalls the lease of the step is renewed, so nobody else gets its leads. If the process ends half-way, the lease ends
 * too: up to one step is printed again, and none is lost.
 *
 * @param print fulfilled once the output has accepted the leads
 * @returns the number of leads that were delivered
 * @throws {UserError} naming the leads that were printed, or may have been, and are not recorded as delivered
 */
export async function takeDue(
  session: Pick<Session, 'store' | 'dialWithin' | 'remark'>,
  limit: number,
  print: (leads: readonly DueLead[]) => Promise<void>,
  { step, lease }: TakeLimits = defaultLimits,
): Promise<number> {
  const { store, dialWithin, remark } = session;
  let left = limit;
  const leftOut = { tooLate: 0, undecided: 0 };
  try {
    while (left > 0) {
      const claim = newIdentifier();
      const startedAt = Date.now();
      const notDueBefore = dialWithin === undefined ? 0 : startedAt - dialWithin;
      const terms = { claim, limit: Math.min(left, step), lease, notDueBefore };
      const { leads, tooLate, undecided } = await store.claimDue(terms);
      leftOut.tooLate += tooLate;
      leftOut.undecided += undecided;
      if (leads.length + tooLate === 0) break;
      if (leads.length > 0) await new Step(session, claim, leads, lease).deliver(print, startedAt);
      left -= leads.length;
    }
  } finally {
    const { tooLate, undecided } = leftOut;
    if (tooLate > 0) remark(`Left out, since they are too old to be rung (DIAL_WITHIN): ${tooLate}.`);
    if (undecided > 0) {
      remark(`The dialler may have ${undecided} of them: decide with \`leads lead resolve\`.`);
    }
  }
  return limit - left;
}

/** Leads that were claimed together. */
class Step {
  readonly #store: Session['store'];
  readonly #claim: string;
  readonly #leads: readonly DueLead[];
  readonly #lease: number;

  constructor({ store }: Pick<Session, 'store'>, claim: string, leads: readonly DueLead[], lease: number) {
    this.#store = store;
    this.#claim = claim;
    this.#leads = leads;
    this.#lease = lease;
  }

  /** Prints the leads and records them as delivered. @throws {UserError} naming those of which it is not certain */
  async deliver(print: (leads: readonly DueLead[]) => Promise<void>, startedAt: number): Promise<void> {
    const renewal = setInterval(() => void this.#renew().catch(() => {}), this.#lease / 3);
    try {
      await print(this.#leads);
    } catch (error) {
      throw new UserError(
        `The output broke off (${reasonOf(error)}). These leads may have been printed, are not recorded as delivered, and are due again in ${this.#lease / 1_000} seconds: ${this.#ids().join(' ')}`,
      );
    } finally {
      clearInterval(renewal);
    }
    // Where the store fails now, it fails below as well.
    const held = await this.#renew().catch(() => this.#ids());
    await this.#record(startedAt);
    const lost = this.#ids().filter((id) => !held.includes(id));
    if (lost.length === 0) return;
    throw new UserError(
      `This process was held up for longer than ${this.#lease / 1_000} seconds. These leads were printed, and another process may have delivered them as well: ${lost.join(' ')}`,
    );
  }

  async #record(startedAt: number): Promise<void> {
    const taken = {
      startedAt,
      endedAt: Date.now(),
      outcome: 'delivered',
      response: 'printed by `leads due --take`',
    } as const;
    const recorded = await Promise.allSettled(
      this.#leads.map(({ id }) =>
        this.#store.recordAttempt(this.#claim, { leadId: id, ...taken }, undefined),
      ),
    );
    const failure = recorded.find((result) => result.status === 'rejected');
    if (failure === undefined) return;
    const ids = this.#ids().filter((_, index) => recorded[index]?.status === 'rejected');
    throw new UserError(
      `The store failed (${reasonOf(failure.reason)}). These leads were printed and may not be recorded as delivered; drop them by their ids if they are printed again: ${ids.join(' ')}`,
    );
  }

  /** Returns the ids of the leads that are still this process's. */
  #renew(): Promise<string[]> {
    return this.#store.renewLease(this.#claim, this.#ids(), this.#lease);
  }

  #ids(): string[] {
    return this.#leads.map(({ id }) => id);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
}
