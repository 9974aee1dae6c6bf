/**
 * Why a lead is withdrawn from the dialler: its partner or an operator has cancelled it (`cancellation`), the person
 * objects to being called (`objection`), or the person's data are erased (`erasure`).
 */
export type WithdrawalCause = 'cancellation' | 'objection' | 'erasure';

/**
 * How a withdrawal ended: `withdrawn` (nobody is called: the dialler has removed the lead, or never had it), `too-late`
 * (the person has been called, or the dialler cannot withdraw leads) or `failed` (no attempts are left; an operator
 * removes the lead at the dialler).
 */
export type WithdrawalOutcome = 'withdrawn' | 'too-late' | 'failed';

/**
 * Outcome of one attempt to withdraw a lead: `withdrawn`, `too-late` (the person has been called), `unavailable` (the
 * dialler did not process it) or `unknown` (it was sent, and no clear response arrived). The last two are retried.
 */
export type WithdrawalAttemptOutcome = 'withdrawn' | 'too-late' | 'unavailable' | 'unknown';

/** A withdrawal, as partners see it; `pending` until it has an outcome. */
export type WithdrawalStatus = 'pending' | WithdrawalOutcome;
