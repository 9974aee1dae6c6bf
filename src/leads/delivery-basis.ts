/** On what basis a lead was delivered at its time, for the record of the attempt. Contains no personal data. */
export interface DeliveryBasis {
  /** The calling hours that permitted it, such as `Mon-Fri 09:00-20:00`, or `always`. */
  calling_hours: string;
  /** The time zones that counted (IANA, separated by `&`). Missing: none. */
  zones?: string;
  /** Dates of the lists of registries that do not contain the number, or that `overridden_by_consent` names. */
  registries?: Readonly<Record<string, string>>;
  /** Registries that list the number: the person's consent permits the call. */
  overridden_by_consent?: readonly string[];
  /** When the screening service reported that it does not list the number (ISO 8601), by the name of the service. */
  screening?: Readonly<Record<string, string>>;
}
