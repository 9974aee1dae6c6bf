import type { CallingRule, Opening } from '../leads/calling-hours/calling-hours.ts';
import { type Whereabouts, whereaboutsOf } from '../leads/calling-hours/person-zones.ts';
import type { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { type SubmittedFields, submittedFields } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import { formatTime } from '../text/time.ts';
import { type DeliveryRule, type Permission, withoutOther } from './permission.ts';

/**
 * Delivers no lead outside of the calling hours of its type, by the clocks of this machine and of the store. The mobile
 * number decides when the lead is delivered. If its `other_phone` may not be called at that time, for example because
 * it belongs to another time zone, it is left out.
 */
export class CallingHoursRule implements DeliveryRule {
  readonly #rules: CallingRules;
  readonly #parsePhone: ParsePhone;
  readonly #clockSkew: () => number;

  /** @param clockSkew see `Store.clockSkew` */
  constructor(rules: CallingRules, parsePhone: ParsePhone, clockSkew: () => number) {
    this.#rules = rules;
    this.#parsePhone = parsePhone;
    this.#clockSkew = clockSkew;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    const rules = await this.#rules.current();
    return leads.map((lead) => {
      const rule = rules.get(lead.type);
      return rule === undefined ? { outcome: 'deliver', lead, basis: always } : this.#apply(rule, lead, now);
    });
  }

  #apply<Lead extends DueLead>(rule: CallingRule, lead: Lead, now: number): Permission<Lead> {
    const fields = submittedFields(lead.content);
    const person = whereaboutsOf(lead.mobile, fields);
    const { opensAt: until, waitsFor } = this.#opening(rule, person, now);
    if (waitsFor === 'calling-hours') {
      const reason = `The calling hours permit no call until ${formatTime(until)} (${rule.zonesOf(person)}).`;
      return { outcome: 'wait', lead, until, waitsFor, reason };
    }
    if (waitsFor !== undefined) {
      return { outcome: 'wait', lead, until, waitsFor, reason: noCommonHour };
    }
    const basis = { calling_hours: rule.hours, zones: rule.zonesOf(person) };
    if (fields.otherPhone === undefined || this.#mayCall(rule, fields, now))
      return { outcome: 'deliver', lead, basis };
    return withoutOther(lead, 'the calling hours do not permit to call it now', basis);
  }

  /** Returns the opening by the clock that permits the call later: the other one may be wrong. */
  #opening(rule: CallingRule, person: Whereabouts, now: number): Opening {
    const skew = this.#clockSkew();
    const opening = rule.opening(person, now);
    return skew === 0 || opening.waitsFor !== undefined ? opening : rule.opening(person, now - skew);
  }

  #mayCall(rule: CallingRule, fields: SubmittedFields, now: number): boolean {
    const number = this.#parsePhone(fields.otherPhone ?? '');
    if (number === undefined) return false;
    return this.#opening(rule, whereaboutsOf(number, fields), now).waitsFor === undefined;
  }
}

const always = { calling_hours: 'always' };

const noCommonHour =
  'The calling hours have no hour in common in all time zones in which the person may be. Correct the calling hours, or ask the partner to send `time_zone`.';
