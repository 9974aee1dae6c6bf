import type { WaitCause } from '../leads/wait-cause.ts';
import type { Attempt, Delivery } from '../store/delivery.ts';
import type { DeliveryGaps, EndedTooLate } from '../store/delivery-gaps.ts';
import type { SuppressedLeads, Suppressions } from '../store/suppressions.ts';
import type { Log } from '../telemetry/log.ts';
import { RetriedWrites } from './retried-writes.ts';

/**
 * Attempts that end within this time (ms) are recorded together, and the next leads are claimed together: a commit for
 * each attempt would delay the requests of partners.
 */
const batchWindow = 2;

const messages = {
  retrying: 'The store failed while recording a delivery attempt; retrying.',
  abandoned: 'A delivery attempt was not recorded. The lead will be sent again.',
};

type RecorderStore = Pick<Delivery, 'recordAttempt' | 'releaseLeads'> &
  Pick<Suppressions, 'suppressClaimed'> &
  Pick<DeliveryGaps, 'endTooLate'>;

/** Records attempts in batches. It retries while the store fails, because an unrecorded lead would be sent again. */
export class AttemptRecorder {
  readonly #store: RecorderStore;
  readonly #writes: RetriedWrites;
  #batch: Promise<void> | undefined;

  constructor(store: RecorderStore, log: Log) {
    this.#store = store;
    this.#writes = new RetriedWrites(log, messages);
  }

  /**
   * Records an attempt. Resolves once it is saved, or gives up if the store fails after `stop`. Returns whether the
   * withdrawal of its lead was opened again.
   *
   * @param claim the claim under which the lead was sent
   * @param nextAttemptAt milliseconds since 1970; undefined: no further attempt
   */
  async record(claim: string, attempt: Attempt, nextAttemptAt: number | undefined): Promise<boolean> {
    await this.#nextBatch();
    let isReopened = false;
    await this.#writes.save(attempt.leadId, async () => {
      isReopened = await this.#store.recordAttempt(claim, attempt, nextAttemptAt);
    });
    return isReopened;
  }

  /**
   * Releases leads whose attempts do not count. Resolves like `record`.
   *
   * @param notBefore earliest time of the next claim (ms since 1970)
   * @param waitsFor what they wait for until then
   */
  async release(
    claim: string,
    leadIds: readonly string[],
    notBefore: number,
    waitsFor?: WaitCause,
  ): Promise<void> {
    await this.#writes.save(leadIds.join(' '), () =>
      this.#store.releaseLeads(claim, leadIds, notBefore, waitsFor),
    );
  }

  /** Ends a lead that is not sent because its person objected. Resolves like `record`. */
  async suppress(claim: string, leadId: string): Promise<SuppressedLeads> {
    let ended: SuppressedLeads = { leads: [], withdrawals: [] };
    await this.#writes.save(leadId, async () => {
      ended = await this.#store.suppressClaimed(claim, [leadId]);
    });
    return ended;
  }

  /** Ends leads that are too late to call. Resolves like `record`. */
  async endTooLate(claim: string, leadIds: readonly string[]): Promise<EndedTooLate> {
    let ended: EndedTooLate = { expired: [], undecided: [] };
    if (leadIds.length === 0) return ended;
    await this.#writes.save(leadIds.join(' '), async () => {
      ended = await this.#store.endTooLate(claim, leadIds);
    });
    return ended;
  }

  /** Ends all retries, so that a failing store does not delay the shutdown. */
  stop(): void {
    this.#writes.stop();
  }

  /** Resolves when the current batch ends, at the same time for all its attempts. */
  #nextBatch(): Promise<void> {
    this.#batch ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#batch = undefined;
        resolve();
      }, batchWindow);
    });
    return this.#batch;
  }
}
