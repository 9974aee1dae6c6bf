/**
 * Outcome of one attempt to deliver a lead to the dialler: `delivered` (the dialler has it), `rejected` (permanently:
 * another attempt would be rejected too), `unavailable` (the dialler certainly does not have it, and the lead can be
 * sent again) or `unknown` (it was sent, and no clear response arrived).
 */
export type AttemptOutcome = 'delivered' | 'rejected' | 'unavailable' | 'unknown';
