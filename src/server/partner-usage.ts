import type { DailyQuotas } from '../operations/add-lead.ts';
import { secondsUntilNextDay, startOfDay } from '../partners/day.ts';
import type { AcceptedLeads, PartnerUsage } from '../store/partner-usage.ts';
import { PeriodicTask } from './periodic-task.ts';

/** Interval between exchanges with the store (ms). */
const interval = 5_000;

/** Time after which a request is allowed again if others in flight may use up the quota (s). */
const inFlightRetryAfter = 1;

/** Where failed exchanges are reported. */
export interface UsageLog {
  warn(details: { err: unknown }, message: string): void;
}

/** The part of a store with which the counts are exchanged. */
type UsageStore = Pick<PartnerUsage, 'recordAccepted' | 'acceptedOn'>;

/** Numbers of accepted leads, by `keyOf`. */
type Counts = Map<string, AcceptedLeads>;

/**
 * Counts the accepted leads of each partner and day (UTC), and applies the daily quotas. At intervals, it adds its
 * counts to those in the store, and reads those of all servers, so that no request needs a statement for it.
 */
export class PartnerUsageCounter implements DailyQuotas {
  readonly #store: UsageStore;
  readonly #log: UsageLog;
  readonly #exchanges: PeriodicTask;
  /** What the store contains, as far as this server knows. */
  #stored: Counts;
  /** What the store does not contain yet. */
  readonly #unsaved: Counts = new Map();
  readonly #inFlight = new Map<number, number>();

  private constructor(store: UsageStore, stored: Counts, log: UsageLog) {
    this.#store = store;
    this.#stored = stored;
    this.#log = log;
    this.#exchanges = new PeriodicTask(interval, () => this.#exchange());
  }

  /** Reads what was accepted today before this server started. @throws if the store fails */
  static async start(store: UsageStore, log: UsageLog): Promise<PartnerUsageCounter> {
    return new PartnerUsageCounter(store, await readToday(store), log);
  }

  enter(partnerId: number, quota: number | null): number | undefined {
    const inFlight = this.#inFlight.get(partnerId) ?? 0;
    if (quota !== null) {
      const now = Date.now();
      const today = startOfDay(now);
      const key = keyOf({ partnerId, day: today });
      const accepted = countIn(this.#stored, key) + countIn(this.#unsaved, key);
      if (accepted >= quota) return secondsUntilNextDay(now);
      if (accepted + inFlight >= quota) return inFlightRetryAfter;
    }
    this.#inFlight.set(partnerId, inFlight + 1);
    return undefined;
  }

  count(partnerId: number): void {
    add(this.#unsaved, { partnerId, day: startOfDay(Date.now()), accepted: 1 });
  }

  leave(partnerId: number): void {
    const left = (this.#inFlight.get(partnerId) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(partnerId, left);
    else this.#inFlight.delete(partnerId);
  }

  /** Saves what is not saved yet, and ends the exchanges. */
  stop(): Promise<void> {
    return this.#exchanges.stop();
  }

  /** Saves what is not saved yet, and reads the counts of all servers. If that fails, the next exchange includes it. */
  async #exchange(): Promise<void> {
    try {
      await this.#save();
      this.#stored = await readToday(this.#store);
    } catch (error) {
      this.#log.warn({ err: error }, 'The counts of accepted leads could not be exchanged with the store.');
    }
  }

  async #save(): Promise<void> {
    // Copies, because more may be counted meanwhile.
    const saved = [...this.#unsaved.values()].map((each) => ({ ...each }));
    if (saved.length === 0) return;
    await this.#store.recordAccepted(saved);
    for (const each of saved) {
      add(this.#stored, each);
      add(this.#unsaved, { ...each, accepted: -each.accepted });
    }
  }
}

async function readToday(store: UsageStore): Promise<Counts> {
  const counts = await store.acceptedOn(startOfDay(Date.now()));
  return new Map(counts.map((each) => [keyOf(each), each]));
}

function keyOf({ partnerId, day }: Omit<AcceptedLeads, 'accepted'>): string {
  return `${day} ${partnerId}`;
}

function countIn(counts: Counts, key: string): number {
  return counts.get(key)?.accepted ?? 0;
}

/** Adds a number of leads. Removes a count that becomes 0. */
function add(counts: Counts, added: AcceptedLeads): void {
  const key = keyOf(added);
  const accepted = countIn(counts, key) + added.accepted;
  if (accepted === 0) counts.delete(key);
  else counts.set(key, { ...added, accepted });
}
