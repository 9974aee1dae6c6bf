import type { ParsePhone } from '../leads/phone.ts';
import { otherNumberOf } from '../leads/submitted-fields.ts';
import type { CallCounts } from '../store/call-counts.ts';
import type { DueLead } from '../store/delivery.ts';
import { formatTime } from '../text/time.ts';
import { type DeliveryRule, type Permission, withoutOther } from './permission.ts';

/** Period in which the calls of a person are counted (ms). */
const period = 24 * 3_600_000;

/**
 * Delivers a phone number up to a number of times within 24 hours, across lead types. Beyond that, a lead waits if the
 * number is its `mobile`, and an `other_phone` is left out.
 */
export class CallLimitRule implements DeliveryRule {
  readonly needsClaim = true;
  readonly #store: CallCounts;
  readonly #parsePhone: ParsePhone;
  readonly #max: number;

  /** @param max maximum number of leads with the same number within 24 hours */
  constructor(store: CallCounts, parsePhone: ParsePhone, max: number) {
    this.#store = store;
    this.#parsePhone = parsePhone;
    this.#max = max;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    const numbered = leads.map((lead) => ({ lead, other: this.#otherNumber(lead) }));
    const numbers = new Set(
      numbered.flatMap(({ lead, other }) => (other ? [lead.mobile, other] : [lead.mobile])),
    );
    const found = await this.#store.deliveriesSince([...numbers], now - period + 1);
    const calls = new Map(Array.from(numbers, (number): [string, number[]] => [number, []]));
    for (const { mobile, deliveredAt } of found) calls.get(mobile)?.push(deliveredAt);
    return numbered.map(({ lead, other }) => this.#decideOn(lead, other, calls, now));
  }

  /** @param calls times of the calls by number, oldest first; those of this claim are added, because they count too */
  #decideOn<Lead extends DueLead>(
    lead: Lead,
    other: string | undefined,
    calls: ReadonlyMap<string, number[]>,
    now: number,
  ): Permission<Lead> {
    const until = this.#reachedUntil(calls.get(lead.mobile) ?? []);
    if (until !== undefined) {
      const reason = `The person has been called as often as CALLS_PER_DAY permits until ${formatTime(until)}.`;
      return { outcome: 'wait', lead, until, waitsFor: 'call-limit', reason };
    }
    calls.get(lead.mobile)?.push(now);
    if (other === undefined) return { outcome: 'deliver', lead };
    const callsOfOther = calls.get(other) ?? [];
    if (this.#reachedUntil(callsOfOther) !== undefined) return withoutOther(lead, otherCalled);
    callsOfOther.push(now);
    return { outcome: 'deliver', lead };
  }

  /** Returns when the next call is permitted. Undefined: now. */
  #reachedUntil(calls: readonly number[]): number | undefined {
    const oldestCounted = calls.length < this.#max ? undefined : calls.at(-this.#max);
    return oldestCounted === undefined ? undefined : oldestCounted + period;
  }

  #otherNumber({ mobile, content }: DueLead): string | undefined {
    const other = otherNumberOf(content, this.#parsePhone);
    return other === mobile ? undefined : other;
  }
}

const otherCalled = 'the number has been called as often as CALLS_PER_DAY permits';
