/** The leads of a partner, of a type, or of both. */
export interface RemainingFilter {
  partner?: string;
  type?: string;
}

/** Numbers of leads that are scheduled or held. */
export interface RemainingCount {
  /** Leads that can be cancelled. */
  cancellable: number;
  /** Leads that cannot: an attempt is in flight, or may have reached the dialler. */
  inFlight: number;
}

/** The leads of a partner or type that are scheduled or held. */
export interface RemainingLeads {
  /** Counts them. @throws {UserError} if the partner or the type does not exist */
  countRemainingLeads(filter: RemainingFilter): Promise<RemainingCount>;
  /**
   * Cancels those that a partner could cancel, in small steps between which other calls can write, and records it as an
   * operator's action on each. If it is interrupted, call it again.
   *
   * @returns their number
   */
  cancelRemainingLeads(filter: RemainingFilter): Promise<number>;
}
