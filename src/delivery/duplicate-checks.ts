import { newIdentifier } from '../leads/identifier.ts';
import type { Delivery } from '../store/delivery.ts';
import type { DeliveryPauses } from '../store/delivery-pauses.ts';
import type { DeliveredLead, DuplicateChecks } from '../store/duplicate-checks.ts';
import type { Log } from '../telemetry/log.ts';
import type { Dialler } from './dialler.ts';
import { startPause } from './dialler-state.ts';
import type { PauseTracker } from './pause-tracker.ts';

/** Logged with the lead's id and a description of the duplicates. */
export const duplicatesFound =
  'The dialler has a lead more than once. Remove the others there, so that the person is not called twice.';

/** Returns a description of a lead that the dialler has more than once. @param ids its ids there */
export function describeDuplicates(ids: readonly string[]): string {
  return `the dialler has the lead ${ids.length} times: ${ids.join(', ')}`;
}

/** Maximum time between two rounds of checks (ms). */
const maxInterval = 60_000;

/** Time after which a lead that could not be checked is left out, so that the later ones are checked (ms). */
const maxAge = 7 * 86_400_000;

/** What the checks depend on. */
export interface DuplicateCheckerOptions {
  store: Pick<Delivery, 'recordAttempt'> & Pick<DeliveryPauses, 'pauses'> & DuplicateChecks;
  dialler: Pick<Dialler, 'find' | 'maxRuntime' | 'maxConcurrency'>;
  pauses: PauseTracker;
  log: Log;
  /** Maximum time of a look-up (ms). */
  timeout: number;
}

/**
 * Looks once more for each lead that was delivered after an attempt with an unknown outcome: if that attempt ran for
 * longer than it should, the dialler has the lead twice. The store has the time until which all leads were checked, so
 * that a restart delays the checks and loses none.
 */
export class DuplicateChecker {
  readonly #options: DuplicateCheckerOptions;
  readonly #controller = new AbortController();
  readonly #running: Promise<void>;

  /** Starts checking, unless the dialler recognises repeats. */
  constructor(options: DuplicateCheckerOptions) {
    this.#options = options;
    const { find, maxRuntime = 0 } = options.dialler;
    this.#running = find === undefined ? Promise.resolve() : this.#run(maxRuntime);
  }

  /** Ends the checks. Those that are left are made after the next start. */
  async stop(): Promise<void> {
    this.#controller.abort(new DOMException('The server is stopping.', 'AbortError'));
    await this.#running;
  }

  async #run(maxRuntime: number): Promise<void> {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      await this.#sleep(Math.min(maxInterval, maxRuntime));
      if (signal.aborted) return;
      await this.#checkUntil(Date.now() - maxRuntime).catch((error) =>
        this.#options.log.error(
          { err: error },
          'Whether the dialler has leads more than once was not checked; retrying.',
        ),
      );
    }
  }

  /** Checks the leads that were delivered until a time (ms since 1970), oldest first. */
  async #checkUntil(until: number): Promise<void> {
    const { store } = this.#options;
    const after = Math.max((await store.duplicatesCheckedUntil()) ?? 0, until - maxAge);
    const leads = after < until ? await store.deliveredAfterUnknown({ after, until }) : [];
    if (leads.length === 0 || (await this.#isPaused())) return;
    // Other servers may send requests to the dialler, and check the leads.
    if (this.#options.dialler.maxConcurrency === 0) return;
    for (const lead of leads) {
      if (!(await this.#check(lead))) {
        await store.recordDuplicatesChecked(lead.dialledAt - 1);
        return;
      }
    }
    await store.recordDuplicatesChecked(until);
  }

  /** Whether a pause of all types is in force: a request could fail to log in, which brings the user closer to its lock. */
  async #isPaused(): Promise<boolean> {
    return (await this.#options.store.pauses()).some(({ type }) => type === undefined);
  }

  /** Returns whether the lead was checked. */
  async #check(lead: DeliveredLead): Promise<boolean> {
    const { dialler, store, log, timeout } = this.#options;
    const startedAt = Date.now();
    const signal = AbortSignal.any([this.#controller.signal, AbortSignal.timeout(timeout)]);
    const found = (await dialler.find?.(lead, signal)) ?? { ids: [] };
    if (this.#controller.signal.aborted) return false;
    if ('failure' in found) {
      const fields = { lead: lead.id, response: found.failure.response };
      log.error(fields, 'Whether the dialler has a lead more than once was not checked; retrying.');
      const { pause } = found.failure;
      if (pause !== undefined) await startPause(this.#options.pauses, lead.type, pause);
      return false;
    }
    if (found.ids.length < 2) return true;
    const response = describeDuplicates(found.ids);
    log.error({ lead: lead.id, response }, duplicatesFound);
    // The lead is dialled already, so that this only adds to its record.
    const attempt = {
      leadId: lead.id,
      startedAt,
      endedAt: Date.now(),
      outcome: 'delivered',
      response,
    } as const;
    await store.recordAttempt(newIdentifier(), attempt, undefined);
    return true;
  }

  #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#controller;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
