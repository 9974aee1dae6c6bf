import type { CallCounts } from '../store/call-counts.ts';
import type { DueLead } from '../store/delivery.ts';
import { formatTime } from '../text/time.ts';
import type { DeliveryRule, Permission } from './permission.ts';

/** Period in which the calls of a person are counted (ms). */
const period = 24 * 3_600_000;

/** Delivers up to a number of leads of one person within 24 hours, across lead types. The others wait. */
export class CallLimitRule implements DeliveryRule {
  readonly needsClaim = true;
  readonly #store: CallCounts;
  readonly #max: number;

  /** @param max maximum number of leads of a person within 24 hours */
  constructor(store: CallCounts, max: number) {
    this.#store = store;
    this.#max = max;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    const mobiles = [...new Set(leads.map(({ mobile }) => mobile))];
    const found = await this.#store.deliveriesSince(mobiles, now - period + 1);
    const times = new Map(mobiles.map((mobile): [string, number[]] => [mobile, []]));
    for (const { mobile, deliveredAt } of found) times.get(mobile)?.push(deliveredAt);
    return leads.map((lead) => {
      const calls = times.get(lead.mobile) ?? [];
      const oldestCounted = calls.at(-this.#max);
      if (calls.length < this.#max || oldestCounted === undefined) {
        // Those of one claim count too.
        calls.push(now);
        return { outcome: 'deliver', lead };
      }
      const until = oldestCounted + period;
      const reason = `The person has been called as often as CALLS_PER_DAY permits until ${formatTime(until)}.`;
      return { outcome: 'wait', lead, until, waitsFor: 'call-limit', reason };
    });
  }
}
