import { presetFor } from '../leads/calling-hours/presets.ts';
import { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import type { CountryCode, ParsePhone } from '../leads/phone.ts';
import type { CallCounts } from '../store/call-counts.ts';
import type { CallingHoursOfTypes } from '../store/calling-hours.ts';
import type { DeliveryGaps } from '../store/delivery-gaps.ts';
import type { Suppressions } from '../store/suppressions.ts';
import { CallLimitRule } from './call-limit-rule.ts';
import { CallingHoursRule } from './calling-hours-rule.ts';
import { DoNotCallRule } from './do-not-call-rule.ts';
import { DeliveryPermission } from './permission.ts';
import { TooLateRule } from './too-late-rule.ts';

/** What the rules need. */
export interface RuleContext {
  store: Pick<CallingHoursOfTypes, 'callingHours'> &
    Pick<Suppressions, 'suppressedNumbers'> &
    Pick<DeliveryGaps, 'deliveryGaps'> &
    CallCounts;
  parsePhone: ParsePhone;
  /** Country whose calling hours apply to lead types for which nobody has decided. */
  defaultCountry: CountryCode;
  /** Maximum delay of a call after its due time (ms). Undefined: no limit. */
  dialWithin: number | undefined;
  /** Maximum number of leads of a person that are delivered within 24 hours. Undefined: no limit. */
  callsPerDay: number | undefined;
}

/** Creates the permission with every rule. Dispatchers and `leads due --take` use the same one. */
export function deliveryPermission(context: RuleContext): DeliveryPermission {
  const { store, parsePhone, defaultCountry, dialWithin, callsPerDay } = context;
  const rules = new CallingRules(() => store.callingHours(), presetFor(defaultCountry));
  // The list comes first: a person who objected must not stay scheduled until the next opening. The limit comes last: only
  // leads that are delivered count.
  return new DeliveryPermission([
    new DoNotCallRule(store, parsePhone),
    ...(dialWithin === undefined ? [] : [new TooLateRule(store, rules, dialWithin)]),
    new CallingHoursRule(rules, parsePhone),
    ...(callsPerDay === undefined ? [] : [new CallLimitRule(store, callsPerDay)]),
  ]);
}
