import { newIdentifier } from '../leads/identifier.ts';
import type { Delivery } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** Returns a description of the duplicates of a lead; undefined: there are none. */
type DuplicateCheck = (signal: AbortSignal) => Promise<string | undefined>;

/** Logged with the lead's id and a description of the duplicates. */
export const duplicatesFound =
  'The dialler has a lead more than once. Remove the others there, so that the person is not called twice.';

/** Checks some time after a delivery whether the dialler has a lead more than once, and reports it. */
export class DuplicateRechecks {
  readonly #store: Pick<Delivery, 'recordAttempt'>;
  readonly #log: Log;
  readonly #timeout: number;
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @param timeout maximum time of a check (ms) */
  constructor(store: Pick<Delivery, 'recordAttempt'>, log: Log, timeout: number) {
    this.#store = store;
    this.#log = log;
    this.#timeout = timeout;
  }

  /** Schedules a check. @param delay milliseconds */
  schedule(leadId: string, delay: number, check: DuplicateCheck): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#run(leadId, check);
    }, delay);
    this.#timers.add(timer);
  }

  /** Drops the checks that have not begun. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #run(leadId: string, check: DuplicateCheck): Promise<void> {
    const startedAt = Date.now();
    try {
      const duplicates = await check(AbortSignal.timeout(this.#timeout));
      if (duplicates === undefined) return;
      this.#log.error({ lead: leadId, response: duplicates }, duplicatesFound);
      // The lead is dialled already, so that this only adds to its record.
      const attempt = {
        leadId,
        startedAt,
        endedAt: Date.now(),
        outcome: 'delivered',
        response: duplicates,
      } as const;
      await this.#store.recordAttempt(newIdentifier(), attempt, undefined);
    } catch (error) {
      this.#log.error(
        { err: error, lead: leadId },
        'Whether the dialler has a lead more than once was not checked.',
      );
    }
  }
}
