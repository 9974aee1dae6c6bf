/**
 * Where a lead stands: `scheduled` (its call time is set, now or later), `dialled` (the dialler has
 * it) or `cancelled` (taken back before that).
 */
export type LeadState = 'scheduled' | 'dialled' | 'cancelled';

export const leadStates: readonly LeadState[] = ['scheduled', 'dialled', 'cancelled'];

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

/** The lead that stands for a person and type, so that no second one is taken beside it. */
export interface StandingLead {
  state: LeadState;
  /** When the dialler took it, in milliseconds since 1970; null before. */
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
 * submitted for the person and type. A scheduled lead is here only because the dialler is just
 * being handed it.
 */
export function outcomeWithoutCancelling(last: LeadState | undefined): CancellationOutcome {
  return last === 'scheduled' || last === 'dialled' ? 'already-processed' : 'not-found';
}
