import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { LeadMetrics } from '../telemetry/metrics/lead-metrics.ts';

/** Reads the values of the metrics that describe the leads of the store. */
export class LeadMetricsReader {
  readonly #store: Store;
  readonly #log: Log;
  #hasFailed = false;

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Reads the values. Undefined: the store failed. Only the first of several consecutive failures is logged. */
  async read(): Promise<LeadMetrics | undefined> {
    try {
      const { nextAttemptAt, waitingSince, ...leadStats } = await this.#store.leadStats();
      const oldestDue = secondsSince(nextAttemptAt);
      const oldestWaiting = secondsSince(waitingSince);
      const withdrawals = await this.#store.withdrawalStats();
      const pauses = await this.#store.pauses();
      const registries = (await this.#store.registries()).filter(({ types }) => types.length > 0);
      const lastResults = await this.#store.lastResults();
      const webhooks = await this.#store.webhooks();
      const lastBackupAt = await this.#store.lastBackupAt();
      this.#hasFailed = false;
      return {
        ...leadStats,
        oldestDue,
        oldestWaiting,
        openWithdrawals: withdrawals.open,
        oldestWithdrawal: secondsSince(withdrawals.openSince),
        failedWithdrawals: withdrawals.failed,
        pauses,
        registries: registries.map(({ name, datedAt, maxAge }) => ({
          name,
          age: datedAt === null ? Number.POSITIVE_INFINITY : secondsSince(datedAt),
          maxAge: maxAge / 1_000,
        })),
        lastResults,
        webhooks: webhooks.map(({ partner, waiting, waitingSince }) => ({
          partner,
          waiting,
          oldest: secondsSince(waitingSince ?? undefined),
        })),
        lastBackupAt,
      };
    } catch (error) {
      if (!this.#hasFailed) this.#log.error({ err: error }, 'The store failed while the metrics were read.');
      this.#hasFailed = true;
      return undefined;
    }
  }
}

/** Returns the time since then (s); 0: it is in the future, or undefined. */
function secondsSince(time = Number.POSITIVE_INFINITY): number {
  return Math.max(0, Date.now() - time) / 1_000;
}
