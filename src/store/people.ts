import type { StoreKey } from './keys/store-key.ts';
import type { TableValue } from './tables.ts';

/** A person whose data is exported or erased. */
export interface PersonKey {
  /** E.164. */
  mobile: string;
  /** Ids of the submissions for other numbers in which it is the other phone number (see `findPeople`). */
  otherSubmissions: readonly string[];
  /** Only what was received until this time (ms since 1970). Undefined: everything. */
  receivedUntil?: number;
}

/** The rows of a table about a person. */
export interface PersonalRows {
  table: string;
  rows: Record<string, TableValue>[];
}

/** A request to erase a person, without personal data. */
export interface Erasure {
  /** Keyed digest of the phone number (see `StoreKey.personDigest`). */
  digest: string;
  /** Id of the key of the digest. */
  keyId: string;
  /** Milliseconds since 1970. What the person sends later is not erased. */
  erasedAt: number;
  /** Why evidence was erased too, without personal data; null: it was kept, restricted. */
  evidenceReason: string | null;
}

/** What an erasure waits for. */
export interface DeliveryState {
  /** Ids of the leads of which an attempt is in flight. */
  inFlight: string[];
  /** Ids of the leads that are being withdrawn from the dialler. */
  withdrawing: string[];
  /** Ids of the leads that were withdrawn, and that a server removes once more. */
  repeating: string[];
}

/** A lead that the dialler has received. */
export interface DiallerRecord {
  leadId: string;
  /** What it last responded, such as its own id of the lead, without personal data or secrets. */
  response: string;
}

/** Result of erasing a person. */
export interface ErasureResult {
  /** Ids of the leads of which an attempt is in flight. If there are any, nothing was erased. */
  inFlight: string[];
  /** Whether evidence of the rows is not in the chain yet (see `Evidence.appendEvidence`). Then, nothing was erased. */
  isEvidenceMissing: boolean;
  /** Ids of the erased leads that the dialler has or may have. */
  atDialler: string[];
  /** What the dialler received of the erased leads, which it may keep after a withdrawal. */
  diallerRecords: readonly DiallerRecord[];
  /** Number of rows that were erased, by table. */
  erased: Record<string, number>;
}

/** A submission or cancellation, with what identifies its person. */
export interface SentNumber {
  id: string;
  kind: 'add' | 'cancel';
  /** E.164. */
  mobile: string;
  /** Request body as sent: JSON text. */
  content: string;
}

/** The rights of people: a copy of what is held about them, and its erasure. */
export interface People {
  /** Lists the submissions that may contain another phone number, oldest first. Reads all submissions. */
  submissionsWithOtherPhone(): AsyncIterable<SentNumber>;
  /** Lists all submissions and cancellations, oldest first. */
  sentNumbers(): AsyncIterable<SentNumber>;
  /** Lists the numbers of all leads, whose submissions may be pruned, in the order of their ids. */
  leadNumbers(): AsyncIterable<{ id: string; mobile: string }>;
  /** Lists the numbers in the do-not-call list and in the lists of registries, without digests, in their order. */
  listedMobiles(): AsyncIterable<{ mobile: string }>;
  /** Returns everything that is held about a person, by table, in the order of `tablesToCopy`. */
  personalRows(person: PersonKey, digests: readonly string[]): Promise<PersonalRows[]>;
  /** Returns the names of all partners and lead types by the ids in the rows. */
  namesById(): Promise<{ partners: ReadonlyMap<number, string>; types: ReadonlyMap<number, string> }>;
  /**
   * Cancels the person's scheduled and held leads of which no attempt is in flight, so that none starts any more.
   *
   * @param isWithdrawing whether to begin to withdraw those that the dialler has or may have, if their types do so
   */
  stopDelivery(person: PersonKey, isWithdrawing: boolean): Promise<DeliveryState>;
  /** Returns what an erasure waits for. */
  deliveryState(person: PersonKey): Promise<DeliveryState>;
  /**
   * Erases what is held about a person, and records the erasure, in one transaction. Tables declare what is erased
   * (`PersonalData`). Has no effect while an attempt is in flight, or while evidence that is kept is not in the chain.
   *
   * @param key with which the removal of evidence is documented; undefined: the store has none
   */
  erasePerson(person: PersonKey, erasure: Erasure, key: StoreKey | undefined): Promise<ErasureResult>;
  /** Lists the erasures, in the order of their digests. */
  erasures(): AsyncIterable<Erasure>;
  /** Returns the erasures of a person, oldest first. @param digests of the person's number, with every key */
  erasuresOf(digests: readonly string[]): Promise<Erasure[]>;
  /** Records erasures that were made in another copy of this store. Those that are recorded already are skipped. */
  recordErasures(erasures: readonly Erasure[]): Promise<void>;
}
