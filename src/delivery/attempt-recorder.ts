import type { WaitCause } from '../leads/wait-cause.ts';
import type { DeliveryGaps } from '../store/delivery-gaps.ts';
import type { Attempt, ClaimResult, Delivery } from '../store/store.ts';
import type { SuppressedLeads, Suppressions } from '../store/suppressions.ts';
import type { Log } from '../telemetry/log.ts';

/**
 * Attempts that end within this time (ms) are recorded together, and the next leads are claimed together: a commit for
 * each attempt would delay the requests of partners.
 */
const batchWindow = 2;

/** Delay before a failed write is retried (ms). */
const retryInterval = 1_000;

type RecorderStore = Pick<Delivery, 'recordAttempt' | 'releaseLeads'> &
  Pick<Suppressions, 'suppressClaimed'> &
  Pick<DeliveryGaps, 'endTooLate'>;

/** Leads of a claim that were too late to call. */
export type TooLate = Omit<ClaimResult, 'leads'>;

/** Records attempts in batches. It retries while the store fails, because an unrecorded lead would be sent again. */
export class AttemptRecorder {
  readonly #store: RecorderStore;
  readonly #log: Log;
  #batch: Promise<void> | undefined;
  #isStopping = false;
  /** Each ends the delay of one retry. */
  readonly #endDelays = new Set<() => void>();

  constructor(store: RecorderStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /**
   * Records an attempt. Resolves once it is saved, or gives up if the store fails after `stop`.
   *
   * @param claim the claim under which the lead was sent
   * @param nextAttemptAt milliseconds since 1970; undefined: no further attempt
   */
  async record(claim: string, attempt: Attempt, nextAttemptAt: number | undefined): Promise<void> {
    await this.#nextBatch();
    await this.#save(attempt.leadId, () => this.#store.recordAttempt(claim, attempt, nextAttemptAt));
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
    await this.#save(leadIds.join(' '), () => this.#store.releaseLeads(claim, leadIds, notBefore, waitsFor));
  }

  /** Ends a lead that is not sent because its person objected. Resolves like `record`. */
  async suppress(claim: string, leadId: string): Promise<SuppressedLeads> {
    let ended: SuppressedLeads = { leads: [], withdrawals: [] };
    await this.#save(leadId, async () => {
      ended = await this.#store.suppressClaimed(claim, [leadId]);
    });
    return ended;
  }

  /** Ends leads that are too late to call. Resolves like `record`. */
  async endTooLate(claim: string, leadIds: readonly string[]): Promise<TooLate> {
    let ended: TooLate = { expired: [], undecided: [] };
    if (leadIds.length === 0) return ended;
    await this.#save(leadIds.join(' '), async () => {
      ended = await this.#store.endTooLate(claim, leadIds);
    });
    return ended;
  }

  async #save(leadId: string, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        const fields = { err: error, lead: leadId };
        this.#log.error(fields, 'The store failed while recording a delivery attempt; retrying.');
        await this.#retryDelay();
        if (!this.#isStopping) continue;
        this.#log.error(fields, 'A delivery attempt was not recorded. The lead will be sent again.');
        return;
      }
    }
  }

  /** Ends all retries, so that a failing store does not delay the shutdown. */
  stop(): void {
    this.#isStopping = true;
    for (const end of this.#endDelays) end();
  }

  /** Resolves when a failed write can be retried, or when retries have ended. */
  #retryDelay(): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#endDelays.delete(end);
        resolve();
      };
      const timer = setTimeout(end, retryInterval);
      this.#endDelays.add(end);
    });
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
