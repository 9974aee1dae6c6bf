/** On what basis a lead was delivered at its time, for the record of the attempt. Contains no personal data. */
export interface DeliveryBasis {
  /** The calling hours that permitted it, such as `Mon-Fri 09:00-20:00`, or `always`. */
  calling_hours: string;
  /** The time zones that counted (IANA, separated by `&`). Missing: none. */
  zones?: string;
}
