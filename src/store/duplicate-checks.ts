import type { DueLead } from './delivery.ts';

/** A lead that was delivered after an attempt with an unknown outcome. */
export interface DeliveredLead extends DueLead {
  /** When it was delivered (ms since 1970). */
  dialledAt: number;
}

/** Which delivered leads are looked for: those delivered after `after`, until `until` (ms since 1970). */
export interface DeliveredBetween {
  after: number;
  until: number;
}

/**
 * Checks whether the dialler has a lead more than once. They concern leads that were delivered after an attempt with an
 * unknown outcome, because that attempt may have arrived even later.
 */
export interface DuplicateChecks {
  /** Lists leads that were delivered in a period, and of which an earlier attempt may have arrived, oldest first. */
  deliveredAfterUnknown(period: DeliveredBetween): Promise<DeliveredLead[]>;
  /** Returns the time until which every delivered lead was checked (ms since 1970). Undefined: none was. */
  duplicatesCheckedUntil(): Promise<number | undefined>;
  /** Records that every lead that was delivered until a time was checked. An earlier time changes nothing. */
  recordDuplicatesChecked(until: number): Promise<void>;
}
