/** A delivery of a lead, under its `mobile` or its `other_phone`. */
export interface PersonDelivery {
  /** E.164. */
  mobile: string;
  /** Milliseconds since 1970. */
  deliveredAt: number;
}

/** How often people were called. */
export interface CallCounts {
  /**
   * Lists the deliveries of leads with the numbers, across lead types, oldest first.
   *
   * @param mobiles E.164
   * @param since milliseconds since 1970
   */
  deliveriesSince(mobiles: readonly string[], since: number): Promise<PersonDelivery[]>;
}
