/**
 * Where a lead stands: `scheduled` (its call time is set, now or later), `dialled` (the dialler has
 * it), `cancelled` (taken back before that), `failed` (the dialler would not or could not take it; the
 * operator can send it again) or `expired` (too old to be rung when its turn came).
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
 * The lead that stands for a person and type, so that no second one is taken beside it. Only a
 * scheduled or a dialled lead stands: nobody is rung for a cancelled, failed or expired one.
 */
export interface StandingLead {
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
 * What a submission comes to when a lead stands for the same person and type already. A scheduled
 * one bars it, and a dialled one too, until the type's re-contact period has passed.
 *
 * @param recontactAfter the type's re-contact period in milliseconds; null for never
 * @param now milliseconds since 1970
 */
export function outcomeBeside(
  standing: StandingLead,
  recontactAfter: number | null,
  now: number,
): SubmissionOutcome {
  if (standing.state === 'scheduled') return 'already-scheduled';
  if (recontactAfter === null || standing.dialledAt === null) return 'existing-contact';
  return standing.dialledAt + recontactAfter <= now ? 'accepted' : 'existing-contact';
}

/**
 * What a request to cancel comes to when it took back nothing, by the last lead that the partner
 * submitted for the person and type. A scheduled or failed lead is here only because the dialler is
 * just being handed it, or may have it without having said so.
 */
export function outcomeWithoutCancelling(last: LeadState | undefined): CancellationOutcome {
  return last === 'scheduled' || last === 'dialled' || last === 'failed' ? 'already-processed' : 'not-found';
}
