import type { ClaimedLead } from '../store/delivery.ts';

/**
 * Tracks the leads of which the dialler may still be processing an attempt with an unknown outcome. The store has the
 * time of each such attempt; those of this process are also measured by the monotonic clock, which cannot be set.
 */
export class SettlingLeads {
  readonly #maxRuntime: number;
  /** When each lead has settled (`performance.now()`), earliest first. */
  readonly #settledAt = new Map<string, number>();

  /** @param maxRuntime time for which an attempt may still be processed after it has ended (ms) */
  constructor(maxRuntime: number) {
    this.#maxRuntime = maxRuntime;
  }

  /** Records that an attempt of a lead has just ended with an unknown outcome. */
  add(leadId: string): void {
    if (this.#maxRuntime === 0) return;
    const now = performance.now();
    for (const [id, settledAt] of this.#settledAt) {
      if (settledAt > now) break;
      this.#settledAt.delete(id);
    }
    this.#settledAt.delete(leadId);
    this.#settledAt.set(leadId, now + this.#maxRuntime);
  }

  /** Returns the time until a lead may be sent again (ms); 0: now. */
  remaining({ id, lastUnknownAt }: Pick<ClaimedLead, 'id' | 'lastUnknownAt'>): number {
    if (this.#maxRuntime === 0) return 0;
    const bySystemClock = (lastUnknownAt ?? Number.NEGATIVE_INFINITY) + this.#maxRuntime - Date.now();
    const byMonotonicClock = (this.#settledAt.get(id) ?? 0) - performance.now();
    // If the clock was set back, the store's time lies in the future. The wait is never longer than the runtime.
    return Math.max(0, byMonotonicClock, Math.min(bySystemClock, this.#maxRuntime));
  }
}
