import type { CallingRule } from '../leads/calling-hours/calling-hours.ts';
import type { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import { uncovered } from '../leads/calling-hours/time-interval.ts';
import { submittedFields } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import type { DeliveryGap, DeliveryGaps } from '../store/delivery-gaps.ts';
import type { DeliveryRule, Permission } from './permission.ts';

/**
 * Ends leads that are too late to call: DIAL_WITHIN has passed since they were due, without the time outside of calling
 * hours and the time in which leads could not be delivered.
 */
export class TooLateRule implements DeliveryRule {
  readonly #store: Pick<DeliveryGaps, 'deliveryGaps'>;
  readonly #rules: CallingRules;
  readonly #dialWithin: number;

  /** @param dialWithin milliseconds */
  constructor(store: Pick<DeliveryGaps, 'deliveryGaps'>, rules: CallingRules, dialWithin: number) {
    this.#store = store;
    this.#rules = rules;
    this.#dialWithin = dialWithin;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    const late = leads.filter(({ dueAt }) => now - dueAt > this.#dialWithin);
    if (late.length === 0) return leads.map((lead) => ({ outcome: 'deliver', lead }));
    const gaps = await this.#store.deliveryGaps(Math.min(...late.map(({ dueAt }) => dueAt)));
    const rules = await this.#rules.current();
    return leads.map((lead) =>
      this.#isTooLate(lead, rules.get(lead.type), gaps, now)
        ? { outcome: 'too-late', lead, cause: 'dial-within' }
        : { outcome: 'deliver', lead },
    );
  }

  #isTooLate(
    { type, mobile, dueAt, content }: DueLead,
    rule: CallingRule | undefined,
    gaps: readonly DeliveryGap[],
    now: number,
  ): boolean {
    if (now - dueAt <= this.#dialWithin) return false;
    const period = { start: dueAt, end: now };
    const impossible = gaps.filter((gap) => gap.type === undefined || gap.type === type);
    if (rule === undefined) return uncovered(period, impossible) > this.#dialWithin;
    const { postcode, timeZone } = submittedFields(content);
    return rule.couldBeCalled(this.#dialWithin, { mobile, postcode, timeZone }, period, impossible);
  }
}
