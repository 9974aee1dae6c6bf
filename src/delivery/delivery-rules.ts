import { presetFor } from '../leads/calling-hours/presets.ts';
import { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import type { CountryCode, ParsePhone } from '../leads/phone.ts';
import type { CallingHoursOfTypes } from '../store/calling-hours.ts';
import type { Suppressions } from '../store/suppressions.ts';
import { CallingHoursRule } from './calling-hours-rule.ts';
import { DoNotCallRule } from './do-not-call-rule.ts';
import { DeliveryPermission } from './permission.ts';

/** What the rules need. */
export interface RuleContext {
  store: Pick<CallingHoursOfTypes, 'callingHours'> & Pick<Suppressions, 'suppressedNumbers'>;
  parsePhone: ParsePhone;
  /** Country whose calling hours apply to lead types for which nobody has decided. */
  defaultCountry: CountryCode;
}

/** Creates the permission with every rule. Dispatchers and `leads due --take` use the same one. */
export function deliveryPermission({ store, parsePhone, defaultCountry }: RuleContext): DeliveryPermission {
  const rules = new CallingRules(() => store.callingHours(), presetFor(defaultCountry));
  // The list comes first: a person who objected must not stay scheduled until the next opening.
  return new DeliveryPermission([
    new DoNotCallRule(store, parsePhone),
    new CallingHoursRule(rules, parsePhone),
  ]);
}
