/** Leads of a partner that were accepted on one day. Contains no personal data. */
export interface AcceptedLeads {
  partnerId: number;
  /** Start of the day in UTC (ms since 1970). */
  day: number;
  /** Number of leads. */
  accepted: number;
}

/** Counts of the leads that each partner adds per day, which the servers share for the daily quotas. */
export interface PartnerUsage {
  /** Adds counts to those of the same partner and day. */
  recordAccepted(counts: readonly AcceptedLeads[]): Promise<void>;
  /** Returns the counts of a day, by partner. @param day its start in UTC (ms since 1970) */
  acceptedOn(day: number): Promise<AcceptedLeads[]>;
  /** Deletes the counts of the days before a time (ms since 1970). */
  deletePartnerUsage(before: number): Promise<void>;
}
