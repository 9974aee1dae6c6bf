/**
 * State of a lead: `scheduled` (its call time is set, now or later), `dialled` (the dialler has it), `cancelled`
 * (before the dialler had it), `failed` (the dialler rejected it, or attempts ran out; the operator can retry it) or
 * `expired` (too late to call).
 */
export type LeadState = 'scheduled' | 'dialled' | 'cancelled' | 'failed' | 'expired';

export const leadStates: readonly LeadState[] = ['scheduled', 'dialled', 'cancelled', 'failed', 'expired'];

/** Outcome of a submission. The contract's examples have the same names. */
export type SubmissionOutcome = 'accepted' | 'existing-contact' | 'already-scheduled' | 'unknown-type';

export const submissionOutcomes: readonly SubmissionOutcome[] = [
  'accepted',
  'existing-contact',
  'already-scheduled',
  'unknown-type',
];

/** Outcome of a request to cancel. The contract's examples have the same names. */
export type CancellationOutcome = 'cancelled' | 'not-found' | 'already-processed' | 'unknown-type';

/**
 * The active lead of a person and type: while there is one, no second lead is accepted. A lead is active while it is
 * scheduled or dialled, and while it is failed but may have reached the dialler, until an operator decides
 * (`leads lead resolve`). Nobody is called for a cancelled or an expired lead, or for one that certainly did not arrive.
 */
export interface ActiveLead {
  state: LeadState;
  /** When it was delivered to the dialler (ms since 1970); null: not yet. */
  dialledAt: number | null;
}

/** What the partner can look up about its lead. All times are milliseconds since 1970. */
export interface LeadStatus {
  state: LeadState;
  acceptedAt: number;
  /** Time of its call. */
  dueAt: number;
  /** When it was delivered to the dialler; null: not yet. */
  dialledAt: number | null;
}

/**
 * Returns the outcome of a submission whose person and type have an active lead. A lead that is scheduled, or that
 * failed and may have reached the dialler, prevents it; a dialled one does until the re-contact period has passed.
 *
 * @param recontactAfter re-contact period of the type (ms); null: dialled people are never accepted again
 * @param now milliseconds since 1970
 */
export function outcomeWithActiveLead(
  active: ActiveLead,
  recontactAfter: number | null,
  now: number,
): SubmissionOutcome {
  if (active.state !== 'dialled') return 'already-scheduled';
  if (recontactAfter === null || active.dialledAt === null) return 'existing-contact';
  return active.dialledAt + recontactAfter <= now ? 'accepted' : 'existing-contact';
}

/**
 * Returns the outcome of a request to cancel that cancelled nothing. A scheduled or failed lead that was not cancelled is
 * being delivered, or may have reached the dialler.
 *
 * @param last state of the last lead that the partner submitted for the person and type; undefined: there is none
 */
export function outcomeIfNotCancelled(last: LeadState | undefined): CancellationOutcome {
  return last === 'scheduled' || last === 'dialled' || last === 'failed' ? 'already-processed' : 'not-found';
}
