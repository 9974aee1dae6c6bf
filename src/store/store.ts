import type { AttemptOutcome } from '../leads/attempt.ts';
import type { CallingHoursSetting } from '../leads/calling-hours/calling-hours.ts';
import type { Cancellation, CancellationOrder } from '../leads/cancellation.ts';
import type { Idempotency } from '../leads/idempotency.ts';
import type {
  CancellationOutcome,
  LeadState,
  LeadStatus,
  LeadStatusRequest,
  Readdition,
  SubmissionOutcome,
} from '../leads/lead.ts';
import type { LeadAction } from '../leads/lead-action.ts';
import type { Submission } from '../leads/submission.ts';
import type { WaitCause } from '../leads/wait-cause.ts';
import type { KeyState, RejectedKey } from '../partners/key-state.ts';
import type { KeyHolder, Partner } from '../partners/partner.ts';
import type { PartnerLimit } from '../partners/rate-limit.ts';
import type { AuditLog } from './audit.ts';
import type { CallCounts } from './call-counts.ts';
import type { CallingHoursOfTypes } from './calling-hours.ts';
import type { ConsentRules } from './consent-rules.ts';
import type { DeliveryGaps } from './delivery-gaps.ts';
import type { DeliveryPauses } from './delivery-pause.ts';
import type { DuplicateChecks } from './duplicate-checks.ts';
import type { Evidence } from './evidence/evidence.ts';
import type { HeldLeads } from './held-leads.ts';
import type { KeyRecords } from './keys/key-records.ts';
import type { NumberRegistries, ScreeningMode } from './number-registries.ts';
import type { PartnerUsage } from './partner-usage.ts';
import type { People } from './people.ts';
import type { Rejections } from './rejections.ts';
import type { Screenings } from './screenings.ts';
import type { Settings } from './settings.ts';
import type { Suppressions } from './suppressions.ts';
import type { Table, TableRow } from './tables.ts';
import type { Watch } from './watch.ts';
import type { Withdrawals } from './withdrawals.ts';

/** All times are milliseconds since 1970. All mobile numbers are E.164. */

/** Requests of partners. The promise of a write resolves once the write is committed and synced. */
export interface Intake {
  /**
   * Returns the holder of the key with this digest, or that the key is rejected because it is revoked or expired, or
   * its partner is suspended or deleted. Undefined: the key is unknown. Called for each request, so a store that can
   * look it up synchronously returns no promise.
   */
  keyHolder(
    digest: string,
  ): KeyHolder | RejectedKey | undefined | Promise<KeyHolder | RejectedKey | undefined>;
  /** Returns whether the partner can add leads of the type: it is granted to the partner, and not retired. */
  isGranted(partnerId: number, type: string): Promise<boolean>;
  /**
   * Stores a submission, and its lead if it is accepted. With an idempotency key, the result is stored in the same
   * commit, and replayed when the request is repeated.
   *
   * @throws {StoreUnavailable}
   */
  submit(submission: Submission, idempotency?: Idempotency): Promise<SubmissionResult>;
  /**
   * Cancels the partner's latest lead for the person and type, unless it is or may be at the dialler: if its type
   * withdraws leads, its withdrawal begins. The cancellation is stored in the same commit, regardless of its outcome.
   * The idempotency key works as for `submit`.
   *
   * @throws {StoreUnavailable}
   */
  cancel(cancellation: Cancellation, idempotency?: Idempotency): Promise<CancellationResult>;
  /**
   * Returns the status of a partner's lead: the one with the id, or the latest one for a person and type, which is the
   * active one, or else the one that ended last, in the order of the store. Undefined: there is none, or the type was
   * never granted to the partner.
   */
  leadStatus(request: LeadStatusRequest): Promise<LeadStatus | undefined>;
}

/** Outcome of a submission, with the lead that it created. */
export type SubmissionResult =
  | { outcome: 'accepted'; leadId: string; dueAt: number; isReplay: boolean }
  | { outcome: Exclude<SubmissionOutcome, 'accepted'>; isReplay: boolean }
  | IdempotencyKeyReused;

/** Outcome of a request to cancel. */
export type CancellationResult =
  | { outcome: CancellationOutcome; isReplay: boolean }
  | WithdrawalBegun
  | IdempotencyKeyReused;

/**
 * The lead is being withdrawn from the dialler. Until `Withdrawals.settleCancellation`, the cancellation is stored as
 * `already-processed`, and its idempotency record has no outcome.
 */
export interface WithdrawalBegun {
  outcome: 'withdrawing';
  leadId: string;
  isReplay: boolean;
}

/** The idempotency key belongs to another request, and nothing was changed. */
export interface IdempotencyKeyReused {
  outcome: 'idempotency-key-reused';
}

/** A lead that is due, with what a dialler needs. */
export interface DueLead {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  acceptedAt: number;
  dueAt: number;
  /** Request body as sent: JSON text. */
  content: string;
}

/** A due lead. Until the lease ends, only the owner of the claim may deliver it. */
export interface ClaimedLead extends DueLead {
  /** Number of the attempt, starting at 1. */
  attemptNumber: number;
  /** Whether the dialler may have the lead from an earlier attempt with an unknown outcome. */
  mayHaveArrived: boolean;
  /**
   * When the last attempt with an unknown outcome ended (ms since 1970); null: there was none. An interrupted attempt
   * does not count: its lease has lasted long enough for the dialler to finish.
   */
  lastUnknownAt: number | null;
  /** Trace of the request that created the lead (W3C Trace Context, `traceparent`); null without tracing. */
  trace: string | null;
}

/** Terms of a claim. */
export interface ClaimTerms {
  /** Unique id of the claim. */
  claim: string;
  /** Maximum number of leads. */
  limit: number;
  /** Time for which no other claim can include the leads (ms). */
  lease: number;
  /** Leads that were due before this time are too late to call; 0: no limit. */
  earliestDueAt: number;
  /** Names of lead types whose leads are left out; undefined: none. */
  exceptTypes?: readonly string[];
}

/** Result of a claim. */
export interface ClaimResult {
  leads: ClaimedLead[];
  /** Ids of the leads that were too late to call and are `expired`, most overdue first. */
  expired: string[];
  /**
   * Ids of the leads that were too late to call and are `failed`, because the dialler may have them (see
   * `OperatorActions.resolveLead`), most overdue first.
   */
  undecided: string[];
}

/** An attempt to deliver a lead to the dialler. */
export interface Attempt {
  leadId: string;
  startedAt: number;
  endedAt: number;
  outcome: AttemptOutcome;
  /** What the dialler responded, without personal data or secrets. */
  response: string;
  /**
   * Whether the dialler certainly did not have the lead before this attempt, although earlier ones had an unknown
   * outcome. Only of an attempt that is recorded; undefined: it may have had the lead.
   */
  wasAbsent?: boolean;
  /**
   * On what basis it was permitted, as JSON, such as the person's local time and the calling hours. Undefined: unknown.
   */
  basis?: string;
}

/** Delivery of due leads to the dialler. */
export interface Delivery {
  /** Lists the leads that can be claimed now, in the order in which they became claimable. */
  dueLeads(limit: number): AsyncIterable<DueLead>;
  /**
   * Returns the earliest time at which a lead can be claimed: the earliest due time, retry or end of a lease of all
   * scheduled leads whose delivery is not paused. Undefined: there is none.
   */
  nextAttemptAt(): Promise<number | undefined>;
  /**
   * Subscribes to changes that may make a lead due earlier. A store may not notice changes by other processes, so also
   * poll `nextAttemptAt`.
   *
   * @returns a function that unsubscribes
   */
  onChange(listener: () => void): () => void;
  /**
   * Claims due leads whose delivery is not paused, most overdue first. Until the lease ends, no other claim can
   * include them. They can no longer be cancelled.
   */
  claimDue(terms: ClaimTerms): Promise<ClaimResult>;
  /**
   * Renews the lease of the leads that a claim still holds and that were not sent, even if the lease has ended, unless
   * their person is in the do-not-call list. Those that are being withdrawn meanwhile are released, and must not be sent.
   *
   * @param lease milliseconds from now
   * @returns ids of the leads whose lease was renewed; the others are cancelled, delivered, or held by another claim, or
   *   their person objected
   */
  renewLease(claim: string, leadIds: readonly string[], lease: number): Promise<string[]>;
  /**
   * Releases leads that a claim still holds and that were not sent: their attempts do not count.
   *
   * @param notBefore earliest time of the next claim (ms since 1970)
   * @param waitsFor what they wait for until then; undefined: nothing that an operator should know
   */
  releaseLeads(
    claim: string,
    leadIds: readonly string[],
    notBefore: number,
    waitsFor?: WaitCause,
  ): Promise<void>;
  /**
   * Postpones leads that are due and that nobody has claimed, because they may not be delivered now. Others, such as
   * those whose attempt was interrupted, are not changed.
   *
   * @param notBefore earliest time of the next claim (ms since 1970)
   * @param waitsFor what they wait for until then
   */
  postponeLeads(leadIds: readonly string[], notBefore: number, waitsFor: WaitCause): Promise<void>;
  /** Returns the ids of all other leads of the person and type of a lead. */
  earlierLeads(leadId: string): Promise<string[]>;
  /**
   * Records an attempt, and updates its lead. A delivered lead is dialled, even if another claim holds it or it has
   * failed undecided. Any other outcome changes the lead only if the claim still holds it. A lead that fails stays
   * active if this or an earlier attempt may have reached the dialler; earlier ones have not if the dialler did not have
   * the lead before this one. Recording the same attempt again has no effect,
   * so that a call whose result is unknown can be repeated.
   *
   * @param nextAttemptAt time of the next attempt after `unavailable` or `unknown`; undefined: none
   */
  recordAttempt(claim: string, ended: Attempt, nextAttemptAt: number | undefined): Promise<void>;
}

/** A lead type, as operators see it. */
export interface LeadTypeRecord {
  name: string;
  /** Re-contact period (ms); null: dialled people are never accepted again. */
  recontactAfter: number | null;
  createdAt: number;
  /** When it was retired; null: it is not retired. */
  retiredAt: number | null;
  /** Whether its leads must contain the person's consent. */
  consentRequired: boolean;
  /** Whether leads that the dialler has, or may have, are withdrawn from it if they are cancelled. */
  withdraws: boolean;
  /** Names of the registries whose lists it requires. */
  registries: readonly string[];
  /** Whether leads that contain the person's consent are delivered although a registry lists the number. */
  registryOverride: boolean;
  /** When a screening service checks its numbers. */
  screening: ScreeningMode;
  /** When its people may be called; null: undecided since the migration of the store. */
  callingHours: CallingHoursSetting | null;
  /** Former names, which requests and filters can still contain. */
  formerNames: string[];
  /** Names of the partners to which it is granted. */
  partners: string[];
}

/** A partner, as operators see it. */
export interface PartnerRecord {
  name: string;
  createdAt: number;
  /** When it was suspended; null: it is not suspended. */
  suspendedAt: number | null;
  /** When it was deleted; null: it is not deleted. */
  deletedAt: number | null;
  /** Names of the types that are granted to it. */
  types: string[];
  /** Number of its keys that are neither revoked nor expired. While it is suspended, the server rejects them too. */
  keys: number;
  limit: PartnerLimit;
  /** Maximum number of leads that are accepted on one day (UTC); null: any number. */
  dailyQuota: number | null;
  /** Number of its leads that were accepted today (UTC), recorded every few seconds. */
  acceptedToday: number;
}

/** A key without the key itself, which is not stored. */
export interface KeyRecord {
  id: string;
  partner: string;
  /** State of the partner: the server rejects all keys of one that is suspended or deleted. */
  partnerState: 'active' | 'suspended' | 'deleted';
  /** Whether it is accepted, or why not. */
  state: KeyState;
  createdAt: number;
  /** Id of the key that replaced it; null: none, or unknown. */
  replacedBy: string | null;
  /** The key is rejected from this time on; null: never. */
  expiresAt: number | null;
  revokedAt: number | null;
  /** Time of the last request with the key, recorded every few seconds; null: never used. */
  lastUsedAt: number | null;
}

/** A key that replaces another. */
export interface NextKey {
  id: string;
  digest: string;
  /** When the replaced key expires. */
  oldUntil: number;
}

/** A key that was replaced. */
export interface RotatedKey {
  /** Name of its partner. */
  partner: string;
}

/**
 * Lead types. Each method that takes the name of an existing type also accepts a former one, and throws a `UserError`
 * if there is no such type.
 */
export interface LeadTypes {
  /**
   * Adds a lead type.
   *
   * @param recontactAfter re-contact period (ms); null: dialled people are never accepted again
   * @param callingHours when its people may be called; default: always
   * @throws {UserError} if a type has, or had, this name
   */
  addType(name: string, recontactAfter: number | null, callingHours?: CallingHoursSetting): Promise<void>;
  /** Lists lead types by name. */
  types(): AsyncIterable<LeadTypeRecord>;
  /**
   * Changes the re-contact period, also for people who were dialled before.
   *
   * @param recontactAfter milliseconds; null: dialled people are never accepted again
   */
  setRecontactAfter(type: string, recontactAfter: number | null): Promise<void>;
  /** Sets whether leads of a type must contain the person's consent. */
  setConsentRequired(type: string, isRequired: boolean): Promise<void>;
  /** Sets whether leads that the dialler has, or may have, are withdrawn from it if they are cancelled. */
  setWithdraws(type: string, withdraws: boolean): Promise<void>;
  /**
   * Renames a lead type. Requests with its old name still mean this type; everything else shows the new name.
   *
   * @throws {UserError} if another type has, or had, the new name
   */
  renameType(type: string, newName: string): Promise<void>;
  /** Stops accepting leads of a type. Leads can still be cancelled. Has no effect if it is retired already. */
  retireType(type: string): Promise<void>;
  /** Undoes `retireType`. @throws {UserError} if the type is not retired */
  unretireType(type: string): Promise<void>;
}

/**
 * Partners, and the types granted to them. Each method throws a `UserError` for a name that does not exist, and, except
 * for `deletePartner`, for that of a deleted partner.
 */
export interface Partners {
  /**
   * Adds a partner and grants it the types, or does neither.
   *
   * @throws {UserError} if a partner has this name, or had it when it was deleted, or if a type is retired
   */
  addPartner(name: string, types: readonly string[]): Promise<Partner>;
  /** Lists partners by name, including deleted ones. */
  partners(): AsyncIterable<PartnerRecord>;
  /** Grants a type to a partner. Has no effect if it is granted already. @throws {UserError} if the type is retired */
  grantType(partner: string, type: string): Promise<void>;
  /**
   * Stops accepting leads of a type from a partner, which can still cancel those that it has sent. Has no effect if the
   * grant is revoked already.
   *
   * @throws {UserError} if the type was never granted to it
   */
  revokeType(partner: string, type: string): Promise<void>;
  /** Sets the rate limit of each of a partner's keys. */
  limitPartner(partner: string, limit: PartnerLimit): Promise<void>;
  /** Sets how many leads of a partner are accepted on one day (UTC). @param quota null: any number */
  setDailyQuota(partner: string, quota: number | null): Promise<void>;
  /** Rejects all keys of a partner until `resumePartner`. Has no effect if it is suspended already. */
  suspendPartner(partner: string): Promise<void>;
  /** Undoes `suspendPartner`. @throws {UserError} if the partner is not suspended */
  resumePartner(partner: string): Promise<void>;
  /**
   * Deletes a partner for good: revokes its keys and its types. Its name, leads and submissions stay. Has no effect if
   * it is deleted already.
   */
  deletePartner(partner: string): Promise<void>;
}

/** Keys of partners. Each method throws a `UserError` for a name or id that does not exist. */
export interface Keys {
  /** Adds a key by its digest. @throws {UserError} if the partner is deleted */
  addKey(partner: string, id: string, digest: string): Promise<void>;
  /** Lists keys by id. @param partner undefined: the keys of all partners, including deleted ones */
  keys(partner: string | undefined): AsyncIterable<KeyRecord>;
  /** Returns the key with a digest; undefined: none. */
  keyByDigest(digest: string): Promise<KeyRecord | undefined>;
  /** Returns the digests of all keys that are accepted: neither revoked nor expired, of an active partner. */
  activeKeyDigests(): Promise<string[]>;
  /**
   * Replaces a key: adds another for the same partner, and sets when the replaced key expires.
   *
   * @throws {UserError} if the key is revoked or expired, or has been replaced already
   */
  rotateKey(id: string, next: NextKey): Promise<RotatedKey>;
  /** Revokes a key. Has no effect if it is revoked already. */
  revokeKey(id: string): Promise<void>;
  /** Records when keys were last used, by their ids. An earlier time than the recorded one is ignored. */
  recordKeyLastUsed(uses: ReadonlyMap<string, number>): Promise<void>;
}

/** Partners, their keys, and the types granted to them. */
export interface Registry extends LeadTypes, Partners, Keys {
  /**
   * Adds a first partner with a type and a key, or nothing if there are partners or types. Returns whether it added
   * them.
   */
  addFirstPartner(partner: string, type: string, keyId: string, digest: string): Promise<boolean>;
}

/** The leads of a partner, of a type, or of both. */
export interface RemainingFilter {
  partner?: string;
  type?: string;
}

/** Numbers of leads that are scheduled or held. */
export interface RemainingCount {
  /** Leads that can be cancelled. */
  cancellable: number;
  /** Leads that cannot: an attempt is in flight, or may have reached the dialler. */
  inFlight: number;
}

/** The leads of a partner or type that are scheduled or held. */
export interface RemainingLeads {
  /** Counts them. @throws {UserError} if the partner or the type does not exist */
  countRemainingLeads(filter: RemainingFilter): Promise<RemainingCount>;
  /**
   * Cancels those that a partner could cancel, in small steps between which other calls can write, and records it as an
   * operator's action on each. If it is interrupted, call it again.
   *
   * @returns their number
   */
  cancelRemainingLeads(filter: RemainingFilter): Promise<number>;
}

/** A lead, as operators see it. */
export interface LeadRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  state: LeadState;
  acceptedAt: number;
  dueAt: number;
  /** Earliest time of the next attempt; null: it is not scheduled, or an attempt is in flight. */
  nextAttemptAt: number | null;
  /** What it waits for until then; null: nothing but that time. */
  waitsFor: WaitCause | null;
  /** When it was delivered to the dialler; null unless its state is `dialled`. */
  dialledAt: number | null;
  /** When it was cancelled or suppressed; null unless its state is `cancelled` or `suppressed`. */
  cancelledAt: number | null;
  /** Whether it failed and the dialler may have it: the person is not accepted again until an operator resolves it. */
  isUndecided: boolean;
  /**
   * Whether the dialler may have it: an attempt ended as `unknown`, or it was restored from a backup after its due
   * time.
   */
  mayHaveArrived: boolean;
  /** Number of attempts since it was accepted, or retried by an operator. */
  attempts: number;
  /** From when an attempt in flight may have run; null: none is in flight. */
  inFlightSince: number | null;
  /** When the lease of an attempt in flight ends, or has ended; null: none is in flight. */
  leaseEndsAt: number | null;
  /** Response of the last attempt; null: none has ended. */
  lastResponse: string | null;
  submissionId: string;
}

/** A stored request to add a lead. */
export interface SubmissionRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  receivedAt: number;
  /** Id of the key that it was sent with; null: unknown. */
  keyId: string | null;
  outcome: SubmissionOutcome;
  /** The lead that it created, or the lead that prevented it. */
  leadId: string | null;
  /** Request body as sent: JSON text. */
  content: string;
  /** Re-runs of it, oldest first. */
  reruns: RerunRecord[];
}

/** A re-run of a submission. */
export interface RerunRecord {
  rerunAt: number;
  outcome: SubmissionOutcome;
  leadId: string | null;
}

/** A stored request to cancel. */
export interface CancellationRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  receivedAt: number;
  /** Id of the key that it was sent with; null: unknown. */
  keyId: string | null;
  outcome: CancellationOutcome;
  /** The lead that it cancelled, or the lead that could no longer be cancelled. */
  leadId: string | null;
  /** Request body as sent: JSON text. */
  content: string;
}

/** A stored cancellation of the same person and type, in relation to a submission. */
export interface RelatedCancellation
  extends Omit<CancellationRecord, 'mobile' | 'keyId' | 'content'>,
    CancellationOrder {}

/** Result of re-running a submission, with every stored cancellation of its person and type, oldest first. */
export interface RerunResult extends RerunRecord {
  cancellations: RelatedCancellation[];
}

/** What a retry overrides. */
export interface RetryOptions {
  /** Whether it overrides a cancellation that the lead's partner sent after the lead. */
  isForced?: boolean;
  /** Whether it also sends a scheduled lead that is not due yet. */
  isEarly?: boolean;
}

/** What an operator should know about a lead that was retried. */
export interface RetryResult {
  /** Whether the dialler may have it already. It is delivered under the same id. */
  mayHaveArrived: boolean;
  /** Every stored cancellation of its person and type, oldest first. */
  cancellations: RelatedCancellation[];
}

/** An action of an operator on a lead. */
export interface LeadActionRecord {
  leadId: string;
  action: LeadAction;
  actedAt: number;
}

/** Restricts a list of leads. A missing member does not restrict it. */
export interface LeadFilter {
  state?: LeadState;
  /** Only failed leads that the dialler may have. */
  isUndecided?: true;
  /** Only scheduled leads whose last attempt failed, and whose next one is later. */
  isWaitingForRetry?: true;
  type?: string;
  partner?: string;
  mobile?: string;
}

/** Restricts a list of submissions. A missing member does not restrict it. */
export interface SubmissionFilter {
  /** Outcome of the last run. */
  outcome?: SubmissionOutcome;
  mobile?: string;
}

/** Lists for operators. */
export interface Records {
  /** Lists leads, newest first. @throws {UserError} if the type or the partner does not exist */
  leads(filter: LeadFilter, limit: number): AsyncIterable<LeadRecord>;
  /** Lists submissions, newest first. */
  submissions(filter: SubmissionFilter, limit: number): AsyncIterable<SubmissionRecord>;
  /** Lists all attempts to deliver a person's leads, oldest first. */
  attempts(mobile: string): AsyncIterable<Attempt>;
  /** Lists all actions of operators on a person's leads, oldest first. */
  leadActions(mobile: string): AsyncIterable<LeadActionRecord>;
  /** Lists all cancellations for a person, newest first. */
  cancellations(mobile: string): AsyncIterable<CancellationRecord>;
  /**
   * Returns the mobile number of the person whose lead, submission or cancellation has this id; undefined: there is
   * none.
   */
  mobileOf(id: string): Promise<string | undefined>;
  /**
   * Returns the mobile numbers of the submissions with this e-mail address, in any case, oldest first. Reads all
   * submissions: an index of addresses would slow down every add.
   */
  mobilesOfEmail(email: string): Promise<string[]>;
}

/** Restricts an export. A missing member does not restrict it. */
export interface ExportFilter {
  /** Earliest time at which a lead was accepted, or a submission received. */
  from?: number;
  /** Time before which it was. */
  before?: number;
  /** Name of the partner. */
  partner?: string;
  /** One of the names of the lead type; of a submission also a name that no type has. */
  type?: string;
}

/** Lists that are too long for memory. */
export interface Exports {
  /** Lists leads, oldest first. @throws {UserError} if the type or the partner does not exist */
  exportLeads(filter: ExportFilter): AsyncIterable<LeadRecord>;
  /** Lists submissions, oldest first. @throws {UserError} if the partner does not exist */
  exportSubmissions(filter: ExportFilter): AsyncIterable<SubmissionRecord>;
}

/** A lead that an operator has cancelled, with whether its person can be added again. */
export interface CancelledLead extends Readdition {
  /** Whether it is being withdrawn from the dialler, and not cancelled yet. */
  isWithdrawing: boolean;
}

/** State of a lead that an operator resolves. */
export type ResolvedState = Extract<LeadState, 'failed' | 'held' | 'scheduled' | 'withdrawing'>;

/** Operators' actions on submissions and leads. Those on a lead are recorded in the same transaction. */
export interface OperatorActions extends RemainingLeads {
  /**
   * Re-runs a stored submission and keeps both outcomes.
   *
   * @param isForced whether it overrides a later cancellation by the same partner
   * @throws {CancelledLater} if there is such a cancellation and it is not forced
   * @throws {UserError} if there is no such submission
   */
  rerunSubmission(submissionId: string, isForced?: boolean): Promise<RerunResult>;
  /**
   * Schedules a failed, dismissed, suppressed or scheduled lead for now, with the full retry schedule.
   *
   * @throws {CancelledLater} if the lead's partner sent a cancellation after the lead, and it is not overridden
   * @throws {UserError} if there is no such lead, it is neither failed, dismissed, suppressed nor scheduled, an attempt is
   *   in flight, it is due later, the person is in the do-not-call list, the person and type have a later lead, or its
   *   submission was pruned
   */
  retryLead(leadId: string, options?: RetryOptions): Promise<RetryResult>;
  /**
   * Schedules a held lead again. Its due time does not change.
   *
   * @param isForced whether it overrides a cancellation that the lead's partner sent after the lead
   * @throws {CancelledLater} if there is such a cancellation and it is not forced
   * @throws {UserError} if there is no such lead, it is not held, or its person is in the do-not-call list
   */
  releaseLead(leadId: string, isForced?: boolean): Promise<RetryResult>;
  /**
   * Records whether the dialler has a lead: a failed lead that it may have, a held one, or a scheduled one, whose
   * person it has under another id after a restore.
   *
   * - Delivered: it is dialled. A failed lead is dialled as of its last attempt; any other as of now, because the time
   *   of its delivery is unknown.
   * - Not delivered: a failed lead is no longer active, so that the person can be added again. A held lead stays held,
   *   and the dialler cannot have it; it can still be recorded as delivered.
   *
   * A lead whose withdrawal is open, or has failed, is cancelled if it was not delivered, or suppressed if the person
   * objects.
   *
   * @returns the state of the lead before; `withdrawing` also if its withdrawal had failed and it was not delivered
   * @throws {UserError} if there is no such lead, it is neither undecided, held, withdrawing nor scheduled, an attempt is in flight,
   *   or it is scheduled and was not delivered
   */
  resolveLead(leadId: string, wasDelivered: boolean): Promise<ResolvedState>;
  /**
   * Cancels a lead that the dialler cannot have, as `Intake.cancel` does. If the dialler has it, or may have it, and its
   * type withdraws leads, begins to withdraw it.
   *
   * @param withdrawsAny whether it also withdraws a lead whose type does not
   * @throws {UserError} if there is no such lead, it has ended otherwise, or it would have to be withdrawn and its type
   *   does not allow it, or that was too late
   */
  cancelLead(leadId: string, withdrawsAny?: boolean): Promise<CancelledLead>;
  /** Checks that `cancelLead` would succeed now, and changes nothing. @throws {UserError} as `cancelLead` does */
  checkCancellable(leadId: string, withdrawsAny?: boolean): Promise<void>;
  /**
   * Ends an open or failed withdrawal by hand: the lead is no longer at the dialler, or it was called nevertheless.
   *
   * @throws {UserError} if there is no such lead, it has no such withdrawal, or an attempt to deliver it is in flight
   */
  resolveWithdrawal(leadId: string, wasWithdrawn: boolean): Promise<void>;
  /**
   * Marks a failed lead as dismissed: it will not be retried, and is pruned when it is old. Returns whether the person
   * can be added again.
   *
   * @throws {UserError} if there is no such lead, it has not failed, or it is undecided
   */
  dismissLead(leadId: string): Promise<Readdition>;
}

/** Numbers of rows that were removed. */
export interface Pruned {
  submissions: number;
  cancellations: number;
  leads: number;
  attempts: number;
  /** Number of the removed leads whose phone number was replaced by a digest. */
  contacts: number;
  /** Number of delivered leads that were kept, with their numbers, because the store has no key for digests. */
  withoutKey: number;
}

/** Result of one step of removing delivered leads. */
export interface ContactStep {
  contacts: number;
  withoutKey: number;
  /** Position at which the next step continues; undefined: this was the last. */
  next: string | undefined;
}

/** Result of one step of pruning. */
export interface PruneStep extends Omit<Pruned, 'contacts' | 'withoutKey'> {
  /** Position at which the next step continues; undefined: this was the last. */
  next: string | undefined;
}

/** Maintenance of a store. */
export interface Maintenance {
  /**
   * Removes submissions and cancellations that were received before a time, with their re-runs, attempts, operators'
   * actions, and leads that nothing else needs. Scheduled and failed leads are kept complete, and delivered leads without
   * what was sent, until `pruneContacts`. One step reads a limited number of rows.
   *
   * @param before milliseconds since 1970
   * @param after `next` of the step before; '': the first step
   */
  prune(before: number, after: string): Promise<PruneStep>;
  /**
   * Replaces leads that were delivered before a time, and whose submissions are gone, by a digest of the person (see
   * `KeyRecords.useKeys`), so that nobody is called twice. Without keys, it only counts them. Also removes digests whose
   * re-contact period has passed. One step reads a limited number of rows.
   *
   * @param before milliseconds since 1970
   * @param after `next` of the step before; '': the first step
   */
  pruneContacts(before: number, after: string): Promise<ContactStep>;
  /**
   * Counts the submissions and cancellations that `prune` would remove.
   *
   * @param before milliseconds since 1970
   */
  countPrunable(before: number): Promise<Pick<Pruned, 'submissions' | 'cancellations'>>;
  /**
   * Deletes a limited number of idempotency records that were made before a time, and returns their number. 0: none is
   * left.
   *
   * @param before milliseconds since 1970
   */
  deleteIdempotencyRecords(before: number): Promise<number>;
  /**
   * Copies the store to a new file while it is in use, and records when that succeeded.
   *
   * @returns why the time could not be recorded, although the backup is complete; undefined: it was
   * @throws {UserError} if this store does not support backups, or the file exists
   */
  backup(file: string): Promise<unknown>;
  /**
   * Returns when the last backup succeeded (ms since 1970). Undefined: none was recorded, or the store is backed up
   * with other tools.
   */
  lastBackupAt(): Promise<number | undefined>;
  /**
   * Releases free space of the store's files to the file system, in a small step, if there is much of it. Returns
   * whether there may be more; false if the store releases space automatically.
   */
  shrink(): Promise<boolean>;
  /**
   * Erases what removed rows have left in the store's files, in a small step. After the last step nothing of them can
   * be read there. Other calls continue between two steps.
   *
   * @param after result of the step before; 0: the first step
   * @returns position at which the next step continues; undefined: this was the last
   * @throws {UserError} if another process prevents it for too long
   */
  erase(after: number): Promise<number | undefined>;
  /**
   * Rewrites the store's files at their smallest size. Nothing can be written meanwhile.
   *
   * @throws {UserError} if this store does not support it
   */
  compact(): Promise<void>;
}

/** The tables of a store, for copying them to another. */
export interface Tables {
  /** Returns the next rows in the order of the key. @param after undefined: from the start */
  rows(table: Table, after: TableRow | undefined, limit: number): Promise<TableRow[]>;
  /** Returns the last row in the order of the key; undefined: there is none. */
  lastRow(table: Table): Promise<TableRow | undefined>;
  /** Returns the number of rows up to and including a row, or of all rows. */
  countRows(table: Table, upTo?: TableRow): Promise<number>;
  /** Adds rows unchanged, or none of them. Rows that exist already are skipped. */
  addRows(table: Table, rows: readonly TableRow[]): Promise<void>;
}

/** Everything that is stored. */
export interface Store
  extends Intake,
    NumberRegistries,
    Screenings,
    ConsentRules,
    Delivery,
    DeliveryPauses,
    CallingHoursOfTypes,
    DeliveryGaps,
    DuplicateChecks,
    HeldLeads,
    Evidence,
    Settings,
    KeyRecords,
    Rejections,
    PartnerUsage,
    AuditLog,
    Suppressions,
    People,
    CallCounts,
    Registry,
    Records,
    Exports,
    OperatorActions,
    Maintenance,
    Tables,
    Watch,
    Withdrawals {
  /**
   * Commits and syncs a row, like every other write.
   *
   * @throws if that fails, with the reason and the remedy
   */
  checkReady(): Promise<void>;
  /** Finishes the calls in progress and closes the store. Has no effect if it is closed. */
  close(): Promise<void>;
}

/**
 * The store cannot accept a call, or does not know whether a write was committed. A response must not claim that
 * nothing was saved; the partner repeats the request.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
