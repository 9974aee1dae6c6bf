import type { LeadNumber } from './suppressions.ts';

/** A lead that is about to be sent to the dialler. */
export interface SentOtherPhone {
  leadId: string;
  /** Its `other_phone` (E.164). Undefined: it is sent without. */
  mobile: string | undefined;
}

/**
 * The other phone numbers with which leads are sent to the dialler. By them, an objection finds the leads to withdraw,
 * and calls are counted.
 */
export interface SentOtherPhones {
  /**
   * Records with which other phone numbers claimed leads are sent, before their attempts start. A number that was
   * recorded earlier is removed if the lead is sent without it, unless the dialler may have it.
   *
   * @returns the numbers that were entered in the do-not-call list in the meantime, which are not recorded
   */
  recordOtherPhones(sent: readonly SentOtherPhone[]): Promise<LeadNumber[]>;
}
