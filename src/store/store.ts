import type { CancellationOutcome, LeadState, SubmissionOutcome } from '../leads/lead.ts';
import type { Cancellation, Submission } from '../leads/submission.ts';
import type { KeyHolder, Partner } from '../partners/partner.ts';

/** All times are milliseconds since 1970, all mobile numbers E.164. */

/** What partners' requests need. A promise is kept once it is fulfilled: committed and synced. */
export interface Intake {
  /** Who holds the key with this digest; undefined for an unknown or a revoked one. */
  keyHolder(digest: string): Promise<KeyHolder | undefined>;
  /** Whether the type exists and the partner holds it. */
  isGranted(partnerId: number, type: string): Promise<boolean>;
  /** Saves the submission, and its lead where it can be taken. @throws {StoreBusy} */
  submit(submission: Submission): Promise<SubmissionOutcome>;
  /** Takes a scheduled lead back. @throws {StoreBusy} */
  cancel(cancellation: Cancellation): Promise<CancellationOutcome>;
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

/** What brings due leads to the dialler. */
export interface HandOff {
  /** The leads that are due and that nobody is handing over, the longest due first. */
  dueLeads(limit: number): AsyncIterable<DueLead>;
  /**
   * Leases up to `limit` due leads under the name `claim`: until the lease ends nobody else is given
   * them, and from now on they cannot be cancelled.
   */
  claimDue(claim: string, limit: number, lease: number): Promise<DueLead[]>;
  /** Records that the dialler has these leads. Those that the claim has lost are left alone. */
  markDialled(claim: string, ids: readonly string[]): Promise<void>;
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
}

export interface KeyRecord {
  id: string;
  partner: string;
  createdAt: number;
  revokedAt: number | null;
}

/** Partners, their keys, and the types granted to them. Each method throws a `Mistake` on a wrong name. */
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
  /** Revoking a revoked key changes nothing. */
  revokeKey(id: string): Promise<void>;
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
  replays: ReplayRecord[];
}

export interface ReplayRecord {
  replayedAt: number;
  outcome: SubmissionOutcome;
  leadId: string | null;
}

export interface LeadFilter {
  state?: LeadState;
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
  /** Runs a saved submission again and keeps both outcomes. @throws {Mistake} where there is none */
  replay(submissionId: string): Promise<ReplayRecord>;
}

/** What must last. */
export interface Store extends Intake, HandOff, Registry, Records {
  /** @throws where the store cannot be reached or its migrations are not in place */
  checkReady(): Promise<void>;
  /** Finishes what was begun, then lets go of the store. Closing a closed store does nothing. */
  close(): Promise<void>;
}

/** More is waiting to be written than the store takes on. Nothing was done; it can be tried again. */
export class StoreBusy extends Error {
  override readonly name = 'StoreBusy';
}
