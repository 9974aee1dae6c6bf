import { UserError } from '../errors/user-error.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { removeExpiredEvidence } from '../store/evidence/remove-expired.ts';
import { StoreKeys } from '../store/keys/store-keys.ts';
import { pruneAll } from '../store/prune.ts';
import { stepSize } from '../store/steps.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { repeatAfter, testRetention } from './simulation-times.ts';

/** Interval between two removals of objections (ms). */
const objectionInterval = repeatAfter / 4;

/** Interval between two removals of old test data (ms). */
const pruneInterval = 6 * 3_600_000;

/** Number of steps in a row that must find no evidence: another process may be adding some. */
const idleSteps = 3;

/** Removes test data: objections after a minute, so that tests can be repeated, and everything else after 30 days. */
export class TestMaintenance {
  readonly #store: Store;
  readonly #parsePhone: ParsePhone;
  readonly #log: Log;
  readonly #timers: readonly NodeJS.Timeout[];
  #running: Promise<void> = Promise.resolve();
  #isStopping = false;

  /** Starts the first removal immediately. @param store contains test data only */
  constructor(store: Store, parsePhone: ParsePhone, log: Log) {
    this.#store = store;
    this.#parsePhone = parsePhone;
    this.#log = log;
    // Without keys, pruning would keep the phone numbers of delivered leads. Nobody needs to recognise the digests.
    store.useKeys(StoreKeys.parse(StoreKeys.generate(), 'The generated key'));
    this.#timers = [
      setInterval(() => this.#start(() => this.removeObjections()), objectionInterval).unref(),
      setInterval(() => this.#start(() => this.prune()), pruneInterval).unref(),
    ];
    this.#start(() => this.prune());
  }

  /** Stops after the removal in progress. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#running;
  }

  #start(run: () => Promise<void>): void {
    this.#running = this.#running.then(async () => {
      if (this.#isStopping) return;
      try {
        await run();
      } catch (error) {
        this.#log.warn({ err: error }, 'Old test data could not be removed; the server tries again.');
      }
    });
  }

  /** Removes the objections of tests that are over. Those of an operator belong to test numbers that always have them. */
  async removeObjections(now = Date.now()): Promise<void> {
    const ended = new Set<string>();
    for await (const entry of this.#store.suppressions({}, Number.MAX_SAFE_INTEGER)) {
      if (entry.source !== 'operator' && entry.enteredAt < now - repeatAfter) ended.add(entry.mobile);
    }
    for (const mobile of ended) await this.#store.removeSuppressions({ mobile }, false);
  }

  /** Removes everything that was received more than 30 days ago. */
  async prune(now = Date.now()): Promise<void> {
    const before = now - testRetention;
    await this.#endLeads(before);
    for (let idle = 0; idle < idleSteps; ) {
      const terms = { key: undefined, parsePhone: this.#parsePhone, limit: stepSize };
      idle = (await this.#store.appendEvidence(terms)) === 0 ? idle + 1 : 0;
    }
    await removeExpiredEvidence(this.#store, before, undefined);
    await pruneAll(this.#store, before);
  }

  /** Ends old leads that pruning would keep, because they can still be delivered. */
  async #endLeads(before: number): Promise<void> {
    for (const state of ['scheduled', 'failed'] as const) {
      for await (const lead of this.#store.leads({ state }, Number.MAX_SAFE_INTEGER)) {
        if (lead.acceptedAt < before) await this.#endLead(lead);
      }
    }
  }

  async #endLead({ id, isUndecided }: { id: string; isUndecided: boolean }): Promise<void> {
    try {
      if (isUndecided) await this.#store.resolveLead(id, false);
      await this.#store.cancelLead(id);
    } catch (error) {
      // It has changed meanwhile.
      if (!(error instanceof UserError)) throw error;
    }
  }
}
