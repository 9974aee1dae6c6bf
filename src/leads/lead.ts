import type { CallResult } from './call-result.ts';
import type { WithdrawalStatus } from './withdrawal.ts';

/** Every state of a lead. */
export const leadStates = [
  'scheduled',
  'held',
  'dialled',
  'withdrawing',
  'cancelled',
  'failed',
  'dismissed',
  'expired',
  'suppressed',
] as const;

/**
 * State of a lead: `scheduled` (to be delivered, now or later), `held` (scheduled in a backup that was restored: an
 * operator decides whether it is delivered), `dialled` (the dialler has it), `withdrawing` (the dialler may have it,
 * and it is being withdrawn: it is never sent again), `cancelled` (before the dialler had it, or withdrawn from it),
 * `failed` (the dialler rejected it, no attempts are left, or it is too late to call and the dialler may have it; an
 * operator can retry it), `dismissed` (failed, and an operator has decided not to retry it; it can be retried
 * nevertheless), `expired` (too late to call) or `suppressed` (the person objected before the dialler had it, or it was
 * withdrawn from the dialler).
 */
export type LeadState = (typeof leadStates)[number];

/** State of a lead, as partners see it: what an operator does with a lead does not change it for them. */
export type ReportedState = Exclude<LeadState, 'held' | 'dismissed' | 'withdrawing'>;

/** Returns the state that partners see. */
export function reportedState(state: LeadState): ReportedState {
  if (state === 'held' || state === 'withdrawing') return 'scheduled';
  return state === 'dismissed' ? 'failed' : state;
}

/** Every outcome of a submission. The examples in openapi.yaml have the same names. */
export const submissionOutcomes = [
  'accepted',
  'existing-contact',
  'already-scheduled',
  'unknown-type',
  'do-not-call',
] as const;

/** Outcome of a submission. */
export type SubmissionOutcome = (typeof submissionOutcomes)[number];

/** Outcome of a request to cancel. The examples in openapi.yaml have the same names. */
export type CancellationOutcome = 'cancelled' | 'not-found' | 'already-processed' | 'unknown-type';

/**
 * The active lead of a person and type: it prevents a second one. A lead is active while it is scheduled, held, dialled
 * or withdrawing. A failed lead that may have reached the dialler is active until an operator resolves it
 * (`leads lead resolve`); other failed leads, and cancelled, dismissed, expired and suppressed leads are not active.
 */
export interface ActiveLead {
  state: LeadState;
  /** When it was delivered to the dialler (ms since 1970); null unless its state is `dialled`. */
  dialledAt: number | null;
}

/** A partner's request for the status of a lead: by its id, or its latest lead for one person and lead type. */
export type LeadStatusRequest = { partnerId: number } & (LeadIdReference | LeadReference);

/** A lead, by its id. */
export interface LeadIdReference {
  leadId: string;
}

/** The latest lead of a partner for one person and lead type. */
export interface LeadReference {
  /** Name of the lead type, as sent. */
  type: string;
  /** E.164. */
  mobile: string;
}

/** What a partner can look up about its lead. All times are in milliseconds since 1970. */
export interface LeadStatus {
  id: string;
  state: LeadState;
  acceptedAt: number;
  /** When its call is due. */
  dueAt: number;
  /** When it was delivered to the dialler; null unless its state is `dialled`. */
  dialledAt: number | null;
  /** Its withdrawal from the dialler; null: there is none. */
  withdrawal: WithdrawalStatus | null;
  /** Result of its latest call with one; null: none was reported. */
  result: CallResult | null;
  /** When that call was made; null: none was reported. */
  resultAt: number | null;
  /** When it is too late to call; null: never. */
  expiresAt: number | null;
  /** From 0 to 9. */
  priority: number;
}

/**
 * Returns the outcome of a submission whose person and type have an active lead. A dialled lead prevents another until
 * the re-contact period has passed; any other active lead always does.
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
 * Returns the outcome of a request to cancel that cancelled no lead. If the lead is scheduled, held, withdrawing or
 * failed, an attempt is in flight or may have reached the dialler.
 *
 * @param latest state of the partner's latest lead for the person and type; undefined: there is none
 */
export function outcomeIfNotCancelled(latest: LeadState | undefined): CancellationOutcome {
  return latest !== undefined && processedStates.includes(latest) ? 'already-processed' : 'not-found';
}

/** States of a lead that can no longer be cancelled, although it has not ended. */
const processedStates: readonly LeadState[] = ['scheduled', 'held', 'dialled', 'withdrawing', 'failed'];

/** Whether a person can be added again for the same lead type. */
export interface Readdition {
  /** Whether the person would be accepted now. */
  isPossible: boolean;
  /** The active lead of the person and type; undefined: there is none. */
  activeLead: { id: string; state: LeadState } | undefined;
  /**
   * When the re-contact period of the active lead ends (ms since 1970); undefined: it is not dialled, or has no end.
   */
  possibleFrom: number | undefined;
}

/**
 * Returns whether a person can be added again.
 *
 * @param active the active lead of the person and type; undefined: there is none
 * @param recontactAfter re-contact period of the type (ms); null: dialled people are never accepted again
 * @param now milliseconds since 1970
 */
export function readditionOf(
  active: (ActiveLead & { id: string }) | undefined,
  recontactAfter: number | null,
  now: number,
): Readdition {
  if (active === undefined) return { isPossible: true, activeLead: undefined, possibleFrom: undefined };
  const { id, state, dialledAt } = active;
  return {
    isPossible: outcomeWithActiveLead(active, recontactAfter, now) === 'accepted',
    activeLead: { id, state },
    possibleFrom: dialledAt === null || recontactAfter === null ? undefined : dialledAt + recontactAfter,
  };
}
