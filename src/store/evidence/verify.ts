import type { StoreKeyRecords } from '../keys/store-key-records.ts';
import type { StoreKeys } from '../keys/store-keys.ts';
import type { Evidence, EvidenceEntry } from './evidence.ts';
import { RangeSet } from './range-set.ts';
import { contentDigest, linkMac, startSeal } from './seal.ts';

/** Number of entries that are read at a time. */
const pageSize = 1_000;

/** The end of a chain, as the log has it. */
export interface EvidenceHead {
  sequence: number;
  mac: string;
}

/** A fault of the chain. */
export interface EvidenceFault {
  /** Position of the entry; undefined: the chain as a whole. */
  sequence: number | undefined;
  /** A sentence. */
  description: string;
}

/** A key with which a part of a chain would have to be verified, and which is missing. */
export interface MissingKey {
  id: string;
  /** Number of entries that were not verified. */
  entries: number;
  /** When an operator recorded that the key is lost (ms since 1970); undefined: it is expected. */
  forgottenAt: number | undefined;
}

/** Result of verifying a chain. */
export interface Verification {
  /** Number of entries that were checked. */
  entries: number;
  /** Number of them whose content was removed, as later entries document. */
  removed: number;
  /** Position of the last entry that was removed from the beginning; 0: none. */
  startSequence: number;
  /** The last entry; undefined: there is none. */
  head: EvidenceHead | undefined;
  /** Number of entries that are chained without a key, which detects no deliberate change. */
  withoutKey: number;
  /** Times of restores from a backup that the chain documents (ms since 1970). */
  restores: number[];
  /** In the order of the chain. What a missing key protects can contain others. */
  faults: EvidenceFault[];
  /** The chain can be verified as a whole only if there are none, or all of them were forgotten. */
  missingKeys: MissingKey[];
}

/** Maximum number of faults that are listed. */
const maxFaults = 20;

/**
 * Verifies the chain of evidence from its beginning to its end.
 *
 * @param keys undefined: only entries that are chained without a key can be checked
 * @param logged heads that were logged earlier, which the chain must contain
 */
export async function verifyEvidence(
  store: Pick<Evidence, 'evidenceEntries' | 'evidenceChain'> & Pick<StoreKeyRecords, 'forgottenStoreKeys'>,
  keys: StoreKeys | undefined,
  logged: readonly EvidenceHead[] = [],
  onPage: (entries: number) => void = () => {},
): Promise<Verification> {
  const chain = await store.evidenceChain();
  const forgotten = new Map(
    (await store.forgottenStoreKeys()).map(({ id, forgottenAt }) => [id, forgottenAt]),
  );
  const verifier = new Verifier(keys, forgotten, chain, logged);
  for (let after = chain.startSequence; ; ) {
    const page = await store.evidenceEntries(after, pageSize);
    for (const entry of page) verifier.check(entry);
    onPage(page.length);
    after = page.at(-1)?.sequence ?? after;
    if (page.length < pageSize) break;
  }
  // Entries may have been added meanwhile, but none is taken away at the end.
  return verifier.end(chain.headSequence);
}

class Verifier {
  readonly #keys: StoreKeys | undefined;
  readonly #logged: Map<number, string>;
  readonly #startSequence: number;
  readonly #faults: EvidenceFault[] = [];
  /** Entries without content that no removal has documented yet. */
  readonly #undocumented = new RangeSet();
  readonly #restores: number[] = [];
  /** Number of entries that were not verified, by the id of the missing key. */
  readonly #missingKeys = new Map<string, number>();
  readonly #forgotten: ReadonlyMap<string, number>;
  /** Ids of the keys that are not missing and that entries so far were chained with. */
  readonly #seenKeys = new Set<string>();
  /** Position of the first entry of a forgotten key since one of another key; undefined: the last one had another key. */
  #forgottenSince: number | undefined;
  #previous: EvidenceHead;
  #entries = 0;
  #removed = 0;
  #withoutKey = 0;

  constructor(
    keys: StoreKeys | undefined,
    forgotten: ReadonlyMap<string, number>,
    chain: Awaited<ReturnType<Evidence['evidenceChain']>>,
    logged: readonly EvidenceHead[],
  ) {
    this.#keys = keys;
    this.#forgotten = forgotten;
    this.#logged = new Map(logged.map(({ sequence, mac }) => [sequence, mac]));
    this.#startSequence = chain.startSequence;
    this.#previous = { sequence: chain.startSequence, mac: chain.startMac };
    const { startSequence, startMac, startKeyId, startSeal: seal } = chain;
    const key = this.#keyOf(startKeyId);
    if (key === 'unknown') this.#miss(startKeyId, 0);
    else if (startSeal(key, startSequence, startMac) !== seal) {
      this.#fault(
        undefined,
        `The record of where the chain begins (after entry ${startSequence}) was changed.`,
      );
    }
  }

  check(entry: EvidenceEntry): void {
    const { sequence, mac } = entry;
    this.#entries += 1;
    if (entry.keyId === null) this.#withoutKey += 1;
    if (sequence !== this.#previous.sequence + 1) {
      this.#fault(sequence, `${describeGap(this.#previous.sequence + 1, sequence - 1)} before it.`);
    }
    this.#checkMacs(entry);
    this.#previous = { sequence, mac };
    const loggedMac = this.#logged.get(sequence);
    if (loggedMac !== undefined && loggedMac !== mac) {
      this.#fault(sequence, 'It is not the entry whose head was logged.');
    }
    this.#logged.delete(sequence);
    if (entry.kind === 'restore') this.#restores.push(entry.happenedAt);
  }

  #checkMacs(entry: EvidenceEntry): void {
    const { sequence, keyId, content, digest, mac } = entry;
    const key = this.#keyOf(keyId);
    if (content === null) {
      this.#removed += 1;
      this.#undocumented.add(sequence);
    }
    this.#checkOrderOfKeys(sequence, keyId, key === 'unknown');
    if (key === 'unknown') {
      this.#miss(keyId, 1);
      // Entries that another key protects are documented by it as far as can be known.
      if (entry.kind === 'removal' && content !== null) this.#document(content);
      return;
    }
    if (content !== null && contentDigest(key, entry) !== digest) {
      this.#fault(sequence, 'Its content was changed.');
    }
    if (linkMac(key, sequence, this.#previous.mac, digest) !== mac) {
      this.#fault(
        sequence,
        'Its link to the entry before was changed: an entry was changed, removed or moved.',
      );
    } else if (entry.kind === 'removal' && content !== null) {
      this.#document(content);
    }
  }

  /**
   * A forgotten key was lost before the current one was used, and no key is used again after another. Otherwise,
   * entries could be changed and attributed to a forgotten key, so that nobody can verify them.
   */
  #checkOrderOfKeys(sequence: number, keyId: string | null, isMissing: boolean): void {
    if (keyId === null) return;
    if (!isMissing) {
      if (this.#forgottenSince !== undefined && this.#seenKeys.has(keyId)) {
        this.#fault(this.#forgottenSince, attributed);
      }
      this.#forgottenSince = undefined;
      this.#seenKeys.add(keyId);
    } else if (this.#forgotten.has(keyId) && this.#forgottenSince === undefined) {
      this.#forgottenSince = sequence;
      const current = this.#keys?.current.id;
      if (current !== undefined && this.#seenKeys.delete(current)) this.#fault(sequence, attributed);
    }
  }

  /** Notes what the content of a removal documents. */
  #document(content: string): void {
    for (const [first, last] of removedRanges(content)) this.#undocumented.delete(first, last);
  }

  #miss(keyId: string | null, entries: number): void {
    const id = String(keyId);
    this.#missingKeys.set(id, (this.#missingKeys.get(id) ?? 0) + entries);
  }

  end(headSequence: number): Verification {
    for (const [first, last] of this.#undocumented.ranges()) {
      this.#fault(first, `${describeGap(first, last)}: no entry documents that the content was removed.`);
    }
    const { sequence } = this.#previous;
    if (sequence < headSequence) {
      this.#fault(undefined, `${describeGap(sequence + 1, headSequence)} at the end.`);
    }
    for (const head of this.#logged.keys()) {
      if (head > sequence) {
        this.#fault(
          undefined,
          `The chain ends with entry ${sequence}, but the head of entry ${head} was logged. Entries were removed at the end, or the store was restored from a backup that was older than the log.`,
        );
      }
    }
    return {
      entries: this.#entries,
      removed: this.#removed,
      startSequence: this.#startSequence,
      head: sequence === 0 ? undefined : this.#previous,
      withoutKey: this.#withoutKey,
      restores: this.#restores,
      faults: this.#faults,
      missingKeys: Array.from(this.#missingKeys, ([id, entries]) => ({
        id,
        entries,
        forgottenAt: this.#forgotten.get(id),
      })),
    };
  }

  #keyOf(id: string | null) {
    return id === null ? undefined : (this.#keys?.byId(id) ?? 'unknown');
  }

  #fault(sequence: number | undefined, description: string): void {
    if (this.#faults.length < maxFaults) this.#faults.push({ sequence, description });
  }
}

const attributed =
  'It has a key that was forgotten, but comes after an entry of a key that was used later: it was changed.';

function describeGap(first: number, last: number): string {
  return first === last ? `Entry ${first} is missing` : `Entries ${first} to ${last} are missing`;
}

function removedRanges(content: string): [first: number, last: number][] {
  // The cast: this program wrote the content, as the MAC proves if its key is not missing.
  return (JSON.parse(content) as { sequences: [number, number][] }).sequences;
}
