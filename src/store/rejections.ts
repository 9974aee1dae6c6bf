/** Requests of a partner that were rejected for the same reason on one day. Contains no personal data. */
interface RejectionGroup {
  /** operationId of the contract. */
  operation: string;
  /** The header `Lead-Outcome` of the response. */
  outcome: string;
  /** The first message of the response, without names that the partner chose, or why the key was rejected. */
  reason: string;
  /** Start of the day in UTC (ms since 1970). */
  day: number;
  /** Number of requests. */
  count: number;
  /** When the last of them was received (ms since 1970). */
  lastAt: number;
  /** The `Request-Id` of the last of them. */
  lastRequestId: string;
}

/** Rejected requests that a server has counted. */
export interface RejectionCount extends RejectionGroup {
  partnerId: number;
}

/** Rejected requests, as operators see them. */
export interface RejectionRecord extends RejectionGroup {
  /** Name of the partner. */
  partner: string;
}

/** Counts of rejected requests with a known key. */
export interface Rejections {
  /** Adds counts to those of the same partner, day, operation, outcome and reason. */
  recordRejections(counts: readonly RejectionCount[]): Promise<void>;
  /**
   * Lists rejected requests, the latest first.
   *
   * @param partner name of a partner; undefined: all partners
   * @throws {UserError} if the partner does not exist
   */
  rejections(partner: string | undefined, limit: number): AsyncIterable<RejectionRecord>;
  /** Deletes the counts of the days before a time (ms since 1970). */
  deleteRejections(before: number): Promise<void>;
}
