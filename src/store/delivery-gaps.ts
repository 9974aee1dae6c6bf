/** A time in which leads could not be delivered (ms since 1970). */
export interface DeliveryGap {
  /** The lead type; undefined: all types. */
  type: string | undefined;
  start: number;
  end: number;
}

/** A time in which no lead of a type could be delivered. */
export interface TypeGap extends DeliveryGap {
  type: string;
}

/** Ids of the leads of a claim that were too late to call. */
export interface EndedTooLate {
  /** Those that are `expired`. */
  expired: string[];
  /** Those that are `failed`, because the dialler may have them (see `OperatorActions.resolveLead`). */
  undecided: string[];
}

/**
 * The times in which leads could not be delivered: pauses, interruptions of the servers, the dialler or the store, and
 * waits for a registry or a screening service. DIAL_WITHIN does not count them. Pauses and interruptions are stored
 * when they end.
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
  /** Records gaps of lead types, which may end later than now. Of those that begin at the same time, the longest counts. */
  recordGaps(gaps: readonly TypeGap[]): Promise<void>;
  /**
   * Ends leads that a claim still holds and that are too late to call: their attempts do not count. They are `expired`,
   * or `failed` if the dialler may have them.
   */
  endTooLate(claim: string, leadIds: readonly string[]): Promise<EndedTooLate>;
}
