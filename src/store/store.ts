import type { AttemptOutcome } from '../leads/attempt.ts';
import type { Cancellation, CancellationOrder } from '../leads/cancellation.ts';
import type { Idempotency } from '../leads/idempotency.ts';
import type { CancellationOutcome, LeadState, LeadStatus, SubmissionOutcome } from '../leads/lead.ts';
import type { PersonAndType, Submission } from '../leads/submission.ts';
import type { KeyHolder, Partner } from '../partners/partner.ts';
import type { PartnerLimit } from '../partners/rate-limit.ts';
import type { ArchiveRow, ArchiveTable } from './archive.ts';
import type { DeliveryPauses } from './delivery-pause.ts';
import type { Watch } from './watch.ts';

/** All times are milliseconds since 1970, all mobile numbers E.164. */

/** What partners' requests need. A promise is kept once it is fulfilled: committed and synced. */
export interface Intake {
  /**
   * Who holds the key with this digest; undefined for one that is unknown, revoked or expired. It is asked for each
   * request, so it is no promise where the store has the answer at once.
   */
  keyHolder(digest: string): KeyHolder | undefined | Promise<KeyHolder | undefined>;
  /** Whether the type exists and the partner holds it. */
  isGranted(partnerId: number, type: string): Promise<boolean>;
  /**
   * Saves the submission, and its lead where it can be taken. With an idempotency key the answer is kept
   * in the same commit, and told again to who comes with the key once more.
   *
   * @throws {StoreUnavailable}
   */
  submit(submission: Submission, idempotency?: Idempotency): Promise<SubmissionResult>;
  /**
   * Cancels the partner's last lead for the person and type, unless the dialler has it or may have it. The cancellation
   * is stored in the same commit, whatever its outcome. The key is as for `submit`.
   *
   * @throws {StoreUnavailable}
   */
  cancel(cancellation: Cancellation, idempotency?: Idempotency): Promise<Cancelled>;
  /**
   * The partner's last lead for the person and type; undefined where it has none, or not the type. The last is the
   * active one, or else the one that was released last: the store decides, not the clocks behind identifiers.
   */
  leadStatus(wanted: PersonAndType): Promise<LeadStatus | undefined>;
}

/** What became of a submission, with the lead that it made. */
export type SubmissionResult =
  | { outcome: 'accepted'; leadId: string; dueAt: number; isReplay: boolean }
  | { outcome: Exclude<SubmissionOutcome, 'accepted'>; isReplay: boolean }
  | IdempotencyKeyReused;

/** What became of a request to cancel. */
export type Cancelled = { outcome: CancellationOutcome; isReplay: boolean } | IdempotencyKeyReused;

/** The idempotency key belongs to another request, and nothing was done. */
export interface IdempotencyKeyReused {
  outcome: 'idempotency-key-reused';
}

/** A lead whose time has come, with what a dialler needs. */
export interface DueLead {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  acceptedAt: number;
  dueAt: number;
  /** The request body as it was sent: JSON text. */
  content: string;
}

/** A due lead that one dispatcher, and nobody else, may hand over now. */
export interface ClaimedLead extends DueLead {
  /** The how manieth try this is, from 1. */
  attempts: number;
  /** Whether the dialler may have it from an earlier try that ended without a clear answer. */
  mayHaveArrived: boolean;
  /** Where the trace of its request goes on (W3C Trace Context, `traceparent`); null without tracing. */
  trace: string | null;
}

/** How leads are claimed. */
export interface ClaimTerms {
  /** The claim's name, which no other claim has. */
  claim: string;
  /** How many leads at most. */
  limit: number;
  /** For how long nobody else is given them, in milliseconds. */
  lease: number;
  /** Leads that were due before this are not rung any more; in milliseconds since 1970, 0 for no limit. */
  notDueBefore: number;
}

/** What a claim came to. */
export interface Claimed {
  leads: ClaimedLead[];
  /** How many leads were too old: they are `expired`, or `failed` if the dialler may have them. */
  tooLate: number;
  /** How many of those are `failed`, so that an operator must decide (see `Records.resolve`). */
  undecided: number;
}

/** What came of one try to hand a lead over. */
export interface Attempt {
  leadId: string;
  startedAt: number;
  endedAt: number;
  outcome: AttemptOutcome;
  /** What came back, in words, with nothing of the person and no secret in it. */
  response: string;
}

/** What brings due leads to the dialler. */
export interface Delivery {
  /** The leads that are due and that nobody is handing over, the longest due first. Paused ones are left out. */
  dueLeads(limit: number): AsyncIterable<DueLead>;
  /**
   * From when on there is a lead to claim, in milliseconds since 1970: the earliest due time, end of a
   * pause or end of a lease of all scheduled leads whose delivery is not paused; undefined where there is none.
   */
  nextAttemptAt(): Promise<number | undefined>;
  /**
   * Calls `wake` after each change that may have brought `nextAttemptAt` forward, until the function that is
   * returned is called. Of a change by another process not every store knows: ask now and then besides.
   */
  onChange(wake: () => void): () => void;
  /**
   * Leases due leads whose delivery is not paused, the longest due first: until the lease ends nobody else is given
   * them, and from now on they cannot be cancelled.
   */
  claimDue(terms: ClaimTerms): Promise<Claimed>;
  /**
   * Extends the lease of the leads that a claim still holds, from now on, whether it has ended or not.
   *
   * @param lease milliseconds
   * @returns the ids of the leads that the claim holds; the others are cancelled, delivered, or claimed by another
   */
  renewLease(claim: string, leadIds: readonly string[], lease: number): Promise<string[]>;
  /**
   * Records a try, and what follows for its lead. One that was taken is dialled, whoever has claimed it since, even if it
   * has failed undecided meanwhile. For every other outcome the lead is left alone where the claim has lost it. A lead
   * that fails stays active if this try, or an earlier one, may have brought it to the dialler.
   *
   * @param nextAttemptAt when it is tried again after `unavailable` or `unknown`; undefined for never
   */
  recordAttempt(claim: string, ended: Attempt, nextAttemptAt: number | undefined): Promise<void>;
}

export interface LeadTypeRecord {
  name: string;
  /** The re-contact period in milliseconds; null for never. */
  recontactAfter: number | null;
  createdAt: number;
  /** The names of the partners that hold it. */
  partners: string[];
}

export interface PartnerRecord {
  name: string;
  createdAt: number;
  /** The names of the types that it holds. */
  types: string[];
  /** How many of its keys are good. */
  keys: number;
  limit: PartnerLimit;
}

export interface KeyRecord {
  id: string;
  partner: string;
  createdAt: number;
  /** From when on it is refused; null for never. */
  expiresAt: number | null;
  revokedAt: number | null;
  /** When it was last seen, up to some seconds before it really was; null for never. */
  lastUsedAt: number | null;
}

/** A key that takes the place of another. */
export interface NextKey {
  id: string;
  digest: string;
  /** Until when the old key is good as well, in milliseconds since 1970. */
  oldUntil: number;
}

/** Partners, their keys, and the types granted to them. Each method throws a `UserError` on a wrong name. */
export interface Registry {
  addType(name: string, recontactAfter: number | null): Promise<void>;
  types(): AsyncIterable<LeadTypeRecord>;
  /** Adds the partner and grants it the types, or does neither. */
  addPartner(name: string, types: readonly string[]): Promise<Partner>;
  partners(): AsyncIterable<PartnerRecord>;
  /** Granting a type a second time changes nothing. */
  grantType(partner: string, type: string): Promise<void>;
  /** Adds a key by its digest. */
  addKey(partner: string, id: string, digest: string): Promise<void>;
  keys(partner: string | undefined): AsyncIterable<KeyRecord>;
  /** Returns the digests of all keys that are neither revoked nor expired. */
  activeKeyDigests(): Promise<string[]>;
  /** Adds a key for the holder of another, which expires. Gives the partner's name. */
  rotateKey(id: string, next: NextKey): Promise<string>;
  /** Revoking a revoked key changes nothing. */
  revokeKey(id: string): Promise<void>;
  /** Sets how many requests each key of a partner may send. */
  limitPartner(partner: string, limit: PartnerLimit): Promise<void>;
  /** Records when keys were last used, by their ids; never an earlier time than is recorded. */
  recordKeyLastUsed(uses: ReadonlyMap<string, number>): Promise<void>;
  /** Whether no partner and no type was ever added. */
  isEmpty(): Promise<boolean>;
}

export interface LeadRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  state: LeadState;
  acceptedAt: number;
  dueAt: number;
  dialledAt: number | null;
  cancelledAt: number | null;
  /** Whether it failed and the dialler may have it: the person is not accepted again until an operator decides. */
  isUndecided: boolean;
  /** How often it was handed to the dialler, since it was accepted or the operator sent it again. */
  attempts: number;
  /** What came back from the last try; null before the first has ended. */
  lastResponse: string | null;
  submissionId: string;
}

export interface SubmissionRecord {
  id: string;
  partner: string;
  type: string;
  mobile: string;
  receivedAt: number;
  outcome: SubmissionOutcome;
  /** The lead that it made, or the one that stood in its way. */
  leadId: string | null;
  /** The request body as it was sent: JSON text. */
  content: string;
  /** What came of it when it was run again, the oldest first. */
  reruns: RerunRecord[];
}

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
  outcome: CancellationOutcome;
  /** The lead that it cancelled, or the one that could not be cancelled any more. */
  leadId: string | null;
  /** The request body as it was sent: JSON text. */
  content: string;
}

/** A stored cancellation of the same person and type, as it stands against a submission or its lead. */
export interface RelatedCancellation
  extends Omit<CancellationRecord, 'mobile' | 'content'>,
    CancellationOrder {}

/** What came of re-running a submission, with every stored cancellation of its person and type, the oldest first. */
export interface Rerun extends RerunRecord {
  cancellations: RelatedCancellation[];
}

/** What an operator should know of a lead that was retried. */
export interface RetryResult {
  /** Whether the dialler may have it already; it goes out under the same id. */
  mayHaveArrived: boolean;
  /** Every stored cancellation of its person and type, the oldest first. */
  cancellations: RelatedCancellation[];
}

export interface LeadFilter {
  state?: LeadState;
  /** Only leads that an operator must decide about. */
  isUndecided?: true;
  type?: string;
  partner?: string;
  mobile?: string;
}

export interface SubmissionFilter {
  /** The outcome of the last run. */
  outcome?: SubmissionOutcome;
  mobile?: string;
}

/** What the operator looks up, the newest first. */
export interface Records {
  leads(filter: LeadFilter, limit: number): AsyncIterable<LeadRecord>;
  submissions(filter: SubmissionFilter, limit: number): AsyncIterable<SubmissionRecord>;
  /** All tries of a person's leads, the oldest first. */
  attempts(mobile: string): AsyncIterable<Attempt>;
  /** All cancellations that were sent for a person, the newest first. */
  cancellations(mobile: string): AsyncIterable<CancellationRecord>;
}

/** What operators decide about what partners sent and what became of it. */
export interface OperatorActions {
  /**
   * Re-runs a stored submission and keeps both outcomes.
   *
   * @param isForced whether it overrides a later cancellation by the same partner
   * @throws {CancelledLater} if there is such a cancellation and it is not forced
   * @throws {UserError} if there is no such submission
   */
  rerun(submissionId: string, isForced?: boolean): Promise<Rerun>;
  /**
   * Schedules a failed lead for now, with all its tries before it.
   *
   * @param isForced whether it overrides a cancellation that the lead's partner sent after the lead
   * @throws {CancelledLater} if there is such a cancellation and it is not forced
   * @throws {UserError} if there is no such lead, it has not failed, or a newer lead has taken its place
   */
  retry(leadId: string, isForced?: boolean): Promise<RetryResult>;
  /**
   * Records an operator's decision about a failed lead that the dialler may have. Delivered: it is dialled, as of its
   * last attempt. Not delivered: it is failed and no longer active, so that the person can be added again.
   *
   * @throws {UserError} if there is no such lead, or it does not wait for a decision
   */
  resolve(leadId: string, wasDelivered: boolean): Promise<void>;
}

/** What was removed, or is to be. */
export interface Pruned {
  submissions: number;
  cancellations: number;
  leads: number;
  attempts: number;
}

/** One small step of removing what is old. */
export interface PruneStep extends Pruned {
  /** Where the next step goes on; undefined where there is nothing more. */
  next: string | undefined;
}

/** What keeps a store in shape. */
export interface Maintenance {
  /**
   * Looks at the next few submissions and cancellations that were received before a time, and removes them with their
   * replays, their tries, and the leads that nothing else needs. What can still be called stays whole
   * (scheduled and failed leads), and so does each lead that keeps its person from being rung twice.
   *
   * @param before milliseconds since 1970
   * @param after what the step before gave as `next`; '' for the first
   */
  prune(before: number, after: string): Promise<PruneStep>;
  /**
   * Removes some of the answers that were kept under an idempotency key before a time. Gives how many:
   * none means that none are left.
   *
   * @param before milliseconds since 1970
   */
  deleteIdempotencyRecords(before: number): Promise<number>;
  /** Copies the store into a new file while it is in use. @throws {UserError} where this store cannot */
  backup(file: string): Promise<void>;
  /**
   * Gives back, in a small step, room that removed rows have left, when that is much. Returns whether there may be more.
   * A store that does so by itself returns false.
   */
  shrink(): Promise<boolean>;
  /**
   * Erases, in a small step, what removed rows have left in the store's files, so that nothing of them can be read there
   * after the last step. Others read and write in between.
   *
   * @param after what the step before returned; 0 for the first
   * @returns where the next step goes on; undefined where there is nothing more
   * @throws {UserError} where somebody is in the way for too long
   */
  erase(after: number): Promise<number | undefined>;
  /** Writes the store's files anew, as small as they can be. Nobody else can write meanwhile. @throws {UserError} as backup */
  compact(): Promise<void>;
}

/** A store's tables, for carrying them to another. */
export interface Archive {
  /** The next rows in the order of the key; from the start where `after` is undefined. */
  rows(table: ArchiveTable, after: ArchiveRow | undefined, limit: number): Promise<ArchiveRow[]>;
  /** The last row in the order of the key. */
  lastRow(table: ArchiveTable): Promise<ArchiveRow | undefined>;
  /** How many rows there are up to this one, or in all. */
  countRows(table: ArchiveTable, upTo?: ArchiveRow): Promise<number>;
  /** Adds rows as they are, or none of them. Those that are there already are left alone. */
  addRows(table: ArchiveTable, rows: readonly ArchiveRow[]): Promise<void>;
}

/** What must last. */
export interface Store
  extends Intake,
    Delivery,
    DeliveryPauses,
    Registry,
    Records,
    OperatorActions,
    Maintenance,
    Archive,
    Watch {
  /**
   * Commits and syncs a row of its own, as any write is.
   *
   * @throws where that fails, with a reason that says what to do
   */
  checkReady(): Promise<void>;
  /** Finishes what was begun, then lets go of the store. Closing a closed store does nothing. */
  close(): Promise<void>;
}

/**
 * The store has no room for a call, or nobody knows what became of one. No answer may say that nothing was saved; the
 * partner sends the request again.
 */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
