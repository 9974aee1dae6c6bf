import { presetFor } from '../leads/calling-hours/presets.ts';
import { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import type { CountryCode, ParsePhone } from '../leads/phone.ts';
import type { CallCounts } from '../store/call-counts.ts';
import type { CallingHoursOfTypes } from '../store/calling-hours.ts';
import type { DeliveryGaps } from '../store/delivery-gaps.ts';
import type { NumberRegistries } from '../store/number-registries.ts';
import type { Screenings } from '../store/screenings.ts';
import type { SentOtherPhones } from '../store/sent-other-phones.ts';
import type { Store } from '../store/store.ts';
import type { Suppressions } from '../store/suppressions.ts';
import type { ScreeningOfTypes } from '../store/type-screening.ts';
import { BlockedTimes } from './blocked-times.ts';
import { CallLimitRule } from './call-limit-rule.ts';
import { CallingHoursRule } from './calling-hours-rule.ts';
import { DoNotCallRule } from './do-not-call-rule.ts';
import { ExpiryRule } from './expiry-rule.ts';
import { OtherPhoneRule } from './other-phone-rule.ts';
import { DeliveryPermission } from './permission.ts';
import { RegistryRule } from './registry-rule.ts';
import type { ScreeningService } from './screening.ts';
import { ScreeningByType } from './screening-by-type.ts';
import { type OnScreening, ScreeningRule } from './screening-rule.ts';
import { TooLateRule } from './too-late-rule.ts';

/** What the rules need. */
export interface RuleContext {
  store: Pick<CallingHoursOfTypes, 'callingHours'> &
    Pick<Suppressions, 'suppressedNumbers'> &
    Pick<DeliveryGaps, 'deliveryGaps' | 'recordGaps'> &
    Pick<NumberRegistries, 'registries' | 'listedNumbers'> &
    Pick<ScreeningOfTypes, 'screeningOfTypes'> &
    Pick<Store, 'clockSkew'> &
    Pick<Screenings, 'screenings' | 'saveScreenings' | 'recordRefusedNumbers'> &
    CallCounts &
    SentOtherPhones;
  parsePhone: ParsePhone;
  /** Country whose calling hours apply to lead types for which nobody has decided. */
  defaultCountry: CountryCode;
  /** Maximum delay of a call after its due time (ms). Undefined: no limit. */
  dialWithin: number | undefined;
  /** Maximum number of leads of a person that are delivered within 24 hours. Undefined: no limit. */
  callsPerDay: number | undefined;
  /** Service that is asked about each number. Undefined: none. */
  screening?: ScreeningService | undefined;
  onScreening?: OnScreening;
}

/** Creates the permission with every rule. Dispatchers and `leads due --take` use the same one. */
export function deliveryPermission(context: RuleContext): DeliveryPermission {
  const { store, parsePhone, defaultCountry, dialWithin, callsPerDay } = context;
  const { screening: service, onScreening = () => {} } = context;
  const screening = new ScreeningByType(store);
  const rules = new CallingRules(() => store.callingHours(), presetFor(defaultCountry));
  // The lists come first: a person who objected must not stay scheduled until the next opening, and a lead that waits for a
  // registry must not become too late, unless its partner has limited its time. The service is asked only about leads that may be delivered now. The limit comes
  // after: only leads that are delivered count.
  const rulesInOrder = [
    new DoNotCallRule(store, parsePhone),
    new ExpiryRule(),
    new RegistryRule(store, screening, parsePhone),
    ...(dialWithin === undefined ? [] : [new TooLateRule(store, rules, dialWithin)]),
    new CallingHoursRule(rules, parsePhone, () => store.clockSkew()),
    new ScreeningRule({ store, screening, service, parsePhone, onScreening }),
    ...(callsPerDay === undefined ? [] : [new CallLimitRule(store, parsePhone, callsPerDay)]),
    new OtherPhoneRule(store, parsePhone),
  ];
  return new DeliveryPermission(rulesInOrder, dialWithin === undefined ? undefined : new BlockedTimes(store));
}
