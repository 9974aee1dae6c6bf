import { idempotencyRetention } from '../leads/idempotency.ts';
import { type AuditLog, minAuditAge } from '../store/audit.ts';
import type { Maintenance } from '../store/maintenance.ts';
import { eventRetention, type PartnerEvents } from '../store/partner-events.ts';
import type { PartnerUsage } from '../store/partner-usage.ts';
import type { Rejections } from '../store/rejections.ts';
import type { Screenings } from '../store/screenings.ts';
import type { Log } from '../telemetry/log.ts';

/** Interval between two runs (ms). */
const interval = 10 * 60_000;

const day = 86_400_000;

/** Time for which counts of rejected requests are kept (ms): reports of the year before include them. */
const rejectionRetention = 400 * day;

/** Time for which the counts of the daily quotas are kept (ms). */
const usageRetention = 30 * day;

/** Delay after each step (ms), so that the store can handle requests. */
const stepDelay = 50;

/** The parts of a store that need regular maintenance. */
type MaintainedStore = Pick<Maintenance, 'deleteIdempotencyRecords' | 'shrink'> &
  Pick<Rejections, 'deleteRejections'> &
  Pick<PartnerUsage, 'deletePartnerUsage'> &
  Pick<PartnerEvents, 'deletePartnerEvents'> &
  Pick<Screenings, 'deleteScreenings'> &
  Pick<AuditLog, 'deleteAuditEntries'>;

/**
 * Deletes expired idempotency records, expired results of screening services, old events, old counts and old audit
 * entries, and releases unused space, at intervals and in small steps.
 */
export class RegularMaintenance {
  readonly #store: MaintainedStore;
  readonly #auditRetention: number | undefined;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #isStopping = false;

  /**
   * Starts the first run immediately.
   *
   * @param evidenceRetention retention period of evidence, for which audit entries are kept too, but at least for
   *   `minAuditAge` (ms). Undefined: they are kept for ever
   */
  constructor(store: MaintainedStore, evidenceRetention: number | undefined, log: Log) {
    this.#store = store;
    this.#auditRetention =
      evidenceRetention === undefined ? undefined : Math.max(evidenceRetention, minAuditAge);
    this.#log = log;
    this.#timer = setInterval(() => this.#start(), interval).unref();
    this.#start();
  }

  /** Stops after the step in progress. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #start(): void {
    this.#running ??= this.#maintain().finally(() => {
      this.#running = undefined;
    });
  }

  async #maintain(): Promise<void> {
    try {
      await this.#repeat(
        async () => (await this.#store.deleteIdempotencyRecords(Date.now() - idempotencyRetention)) > 0,
      );
      await this.#repeat(async () => (await this.#store.deleteScreenings(Date.now())) > 0);
      await this.#repeat(
        async () => (await this.#store.deletePartnerEvents(Date.now() - eventRetention)) > 0,
      );
      await this.#store.deleteRejections(Date.now() - rejectionRetention);
      await this.#store.deletePartnerUsage(Date.now() - usageRetention);
      await this.#deleteAuditEntries();
      await this.#repeat(() => this.#store.shrink());
    } catch (error) {
      this.#log.warn({ err: error }, 'Maintenance of the store failed; the next attempt is in ten minutes.');
    }
  }

  async #deleteAuditEntries(): Promise<void> {
    const retention = this.#auditRetention;
    if (retention === undefined) return;
    await this.#repeat(async () => (await this.#store.deleteAuditEntries(Date.now() - retention)) > 0);
  }

  /** Repeats a step while it returns true, which means that more is left to do. */
  async #repeat(step: () => Promise<boolean>): Promise<void> {
    while (!this.#isStopping && (await step())) {
      await new Promise((resolve) => setTimeout(resolve, stepDelay));
    }
  }
}
