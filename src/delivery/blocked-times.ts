import type { DeliveryGaps } from '../store/delivery-gaps.ts';
import type { Permission } from './permission.ts';

/** Time for which a gap is recorded ahead, so that not every claim of an outage writes to the store (ms). */
const ahead = 15_000;

/** Maximum time between two claims that find the same outage (ms): leads that wait are decided on again within a minute. */
const tolerance = 60_000;

/** Records the times in which no lead of a type could be delivered, so that DIAL_WITHIN does not count them. */
export class BlockedTimes {
  readonly #store: Pick<DeliveryGaps, 'recordGaps'>;
  readonly #recorded = new Map<string, { start: number; end: number }>();

  constructor(store: Pick<DeliveryGaps, 'recordGaps'>) {
    this.#store = store;
  }

  /**
   * Records the types of leads that wait for what prevents the delivery of every lead of their type.
   *
   * @param now milliseconds since 1970
   * @throws if the store fails
   */
  async record(permissions: readonly Permission[], now: number): Promise<void> {
    const until = new Map<string, number>();
    for (const permission of permissions) {
      if (permission.outcome !== 'wait' || permission.isTypeBlocked !== true) continue;
      const { type } = permission.lead;
      until.set(type, Math.max(until.get(type) ?? 0, permission.until));
    }
    const gaps = Array.from(until, ([type, end]) => ({ type, start: this.#startOf(type, now), end }))
      .filter(({ type, end }) => end > (this.#recorded.get(type)?.end ?? 0))
      .map((gap) => ({ ...gap, end: gap.end + ahead }));
    if (gaps.length === 0) return;
    await this.#store.recordGaps(gaps);
    for (const { type, start, end } of gaps) this.#recorded.set(type, { start, end });
  }

  #startOf(type: string, now: number): number {
    const last = this.#recorded.get(type);
    return last !== undefined && now <= last.end + tolerance ? last.start : now;
  }
}
