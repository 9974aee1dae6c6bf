import type { ClaimResult } from './delivery.ts';

/** A time in which leads could not be delivered (ms since 1970). */
export interface DeliveryGap {
  /** The lead type; undefined: all types. */
  type: string | undefined;
  start: number;
  end: number;
}

/**
 * The times in which leads could not be delivered: pauses, and interruptions of the servers, the dialler or the store.
 * DIAL_WITHIN does not count them. Each is stored when it ends.
 */
export interface DeliveryGaps {
  /** Returns the gaps that ended after a time, and the pauses in force, which end now. */
  deliveryGaps(since: number): Promise<DeliveryGap[]>;
  /**
   * Records that leads can be delivered now. If nobody has recorded it for longer than `tolerance` (ms), the time since
   * then becomes a gap. Dispatchers call it regularly while their dialler works.
   *
   * @param now milliseconds since 1970
   */
  recordDeliverable(now: number, tolerance: number): Promise<void>;
  /**
   * Ends leads that a claim still holds and that are too late to call: their attempts do not count. They are `expired`,
   * or `failed` if the dialler may have them.
   */
  endTooLate(claim: string, leadIds: readonly string[]): Promise<Omit<ClaimResult, 'leads'>>;
}
