import type { StoreKey } from '../keys/store-key.ts';

/** What evidence can document. */
export const evidenceKinds = [
  'request',
  'cancellation',
  'delivery',
  'result',
  'screening',
  'objection',
  'import',
  'withdrawal',
  'restore',
  'removal',
] as const;

export type EvidenceKind = (typeof evidenceKinds)[number];

/** An entry in the chain of evidence. All times are milliseconds since 1970. */
export interface EvidenceEntry {
  /** Position in the chain: 1, 2, 3, ... without gaps. */
  sequence: number;
  kind: EvidenceKind;
  /** Table and key of the row that it documents. */
  source: string;
  sourceId: string;
  /** Whom it is about (E.164); null: nobody, or the content was removed. */
  mobile: string | null;
  /** The person's other phone number (E.164); null: none, or the content was removed. */
  otherMobile: string | null;
  happenedAt: number;
  /** When it was added to the chain. */
  recordedAt: number;
  /** JSON; null: it was removed, which a later entry of the kind `removal` documents. */
  content: string | null;
  /** Id of the key of the MACs; null: there was none, and they are plain digests. */
  keyId: string | null;
  /** MAC of the content. It outlasts the content, so that the chain can still be verified. */
  digest: string;
  /** MAC of the digest, the position and the MAC of the entry before. */
  mac: string;
}

/** The beginning and the end of the chain. */
export interface EvidenceChain {
  /** Position of the last entry; 0: there is none. */
  headSequence: number;
  /** MAC of the last entry; empty: there is none. */
  headMac: string;
  /** Position of the last entry that was removed from the beginning; 0: none. */
  startSequence: number;
  startMac: string;
  startKeyId: string | null;
  /** MAC over the two. */
  startSeal: string;
}

/** Evidence that is added within the transaction of what it documents. */
export interface NewEvidence {
  kind: EvidenceKind;
  /** E.164; null: it is about nobody. */
  mobile: string | null;
  happenedAt: number;
  /** Stored as JSON. */
  content: Readonly<Record<string, unknown>>;
}

/** What is needed to add entries. */
export interface AppendTerms {
  /** Undefined: the store never had a key, and the MACs are plain digests. */
  key: StoreKey | undefined;
  /** Returns a phone number as E.164; undefined: it is not valid. */
  parsePhone: (text: string) => string | undefined;
  /** Maximum number of entries. */
  limit: number;
}

/** Numbers of entries of which the content was removed. */
export interface RemovedEvidence {
  removed: number;
  /** Position at which the next step continues; undefined: this was the last. */
  next: number | undefined;
}

/** Evidence of what partners sent and what was done with it. */
export interface Evidence {
  /**
   * Adds stored requests, attempts and other evidence to the chain, in the order of the store. If another process does
   * so at the moment, adds nothing.
   *
   * @throws {UserError} if there is no key, and the store has one: the entries would be without protection for good
   * @returns the number of entries that were added; 0: nothing is left, or another process is adding it
   */
  appendEvidence(terms: AppendTerms): Promise<number>;
  /** Returns entries in the order of the chain. @param after position after which they begin */
  evidenceEntries(after: number, limit: number): Promise<EvidenceEntry[]>;
  /** Returns all entries about a person, under either phone number, in the order of the chain. @param mobile E.164 */
  evidenceOf(mobile: string): Promise<EvidenceEntry[]>;
  /** Returns all entries about imports of lists and their removal, in the order of the chain. */
  evidenceOfImports(): Promise<EvidenceEntry[]>;
  /** Returns where the chain begins and ends. */
  evidenceChain(): Promise<EvidenceChain>;
  /**
   * Counts the entries that `removeExpiredEvidence` would remove.
   *
   * @param before milliseconds since 1970
   */
  countExpiredEvidence(before: number): Promise<number>;
  /**
   * Removes the content of a limited number of entries about people of whom nothing has happened since a time, and
   * documents the removal in the chain. Then removes the entries without content at its beginning.
   *
   * @param before milliseconds since 1970
   * @param after `next` of the step before; 0: the first step
   */
  removeExpiredEvidence(before: number, after: number, key: StoreKey | undefined): Promise<RemovedEvidence>;
  /**
   * Removes the content of all entries about a person, under either phone number, and documents the removal in the
   * chain.
   *
   * @param mobile E.164
   * @param reason plain text without personal data
   * @returns the number of entries
   */
  removeEvidenceOf(mobile: string, reason: string, key: StoreKey | undefined): Promise<number>;
}
