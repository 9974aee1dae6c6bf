/**
 * State of a lead: `scheduled` (its call time is set, now or later), `dialled` (the dialler has it), `cancelled`
 * (before that), `failed` (the dialler rejected it, or attempts ran out; the operator can retry it) or `expired` (too
 * late to call).
 */
export type LeadState = 'scheduled' | 'dialled' | 'cancelled' | 'failed' | 'expired';

export const leadStates: readonly LeadState[] = ['scheduled', 'dialled', 'cancelled', 'failed', 'expired'];

/** What became of a submission. The contract's examples bear the same names. */
export type SubmissionOutcome = 'accepted' | 'existing-contact' | 'already-scheduled' | 'unknown-type';

export const submissionOutcomes: readonly SubmissionOutcome[] = [
  'accepted',
  'existing-contact',
  'already-scheduled',
  'unknown-type',
];

/** What became of a request to cancel. The contract's examples bear the same names. */
export type CancellationOutcome = 'cancelled' | 'not-found' | 'already-processed' | 'unknown-type';

/**
 * The active lead of a person and type: while there is one, no second lead is accepted. A lead is active while it is
 * scheduled or dialled, and while it is failed but may have reached the dialler, until an operator decides
 * (`leads lead resolve`). Nobody is called for a cancelled or an expired lead, or for one that certainly did not arrive.
 */
export interface ActiveLead {
  state: LeadState;
  /** When the dialler took it, in milliseconds since 1970; null before. */
  dialledAt: number | null;
}

/** What its partner may know of a lead. All times are milliseconds since 1970. */
export interface LeadStatus {
  state: LeadState;
  acceptedAt: number;
  /** When its call is due. */
  dueAt: number;
  /** When the dialler took it; null where it has not. */
  dialledAt: number | null;
}

/**
 * Returns the outcome of a submission whose person and type have an active lead. A lead that is scheduled, or that
 * failed and may have reached the dialler, excludes it; a dialled one does until the type's re-contact period has passed.
 *
 * @param recontactAfter the type's re-contact period in milliseconds; null for never
 * @param now milliseconds since 1970
 */
export function outcomeWithActiveLead(
  standing: ActiveLead,
  recontactAfter: number | null,
  now: number,
): SubmissionOutcome {
  if (standing.state !== 'dialled') return 'already-scheduled';
  if (recontactAfter === null || standing.dialledAt === null) return 'existing-contact';
  return standing.dialledAt + recontactAfter <= now ? 'accepted' : 'existing-contact';
}

/**
 * Returns the outcome of a request to cancel that cancelled nothing, from the state of the last lead that the partner
 * submitted for the person and type. A scheduled or failed lead cannot be cancelled only while an attempt is in
 * progress, or if the dialler may have it.
 */
export function outcomeIfNotCancelled(last: LeadState | undefined): CancellationOutcome {
  return last === 'scheduled' || last === 'dialled' || last === 'failed' ? 'already-processed' : 'not-found';
}
