import type { ParsePhone } from '../leads/phone.ts';
import { otherNumberOf } from '../leads/submitted-fields.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import type { Erasure, People, PersonKey, SentNumber } from './people.ts';

/**
 * Finds people under both phone numbers of submissions. Reads all submissions with another phone number, of which there
 * is no index.
 *
 * @param mobiles E.164, each of them once
 */
export async function findPeople(
  store: People,
  parsePhone: ParsePhone,
  mobiles: readonly string[],
): Promise<PersonKey[]> {
  const otherSubmissions = new Map<string, string[]>(mobiles.map((mobile) => [mobile, []]));
  for await (const sent of store.submissionsWithOtherPhone()) {
    otherSubmissions.get(otherNumberIn(sent, parsePhone) ?? '')?.push(sent.id);
  }
  return Array.from(otherSubmissions, ([mobile, ids]) => ({ mobile, otherSubmissions: ids }));
}

/** Returns the other phone number of a submission (E.164). Undefined: it has none, or it is a cancellation. */
function otherNumberIn({ kind, content }: SentNumber, parsePhone: ParsePhone): string | undefined {
  return kind === 'add' ? otherNumberOf(content, parsePhone) : undefined;
}

/** A person of whom a copy of the store contains data, although the person was erased. */
export interface ErasedPerson {
  person: PersonKey;
  /** The latest erasure of the person. */
  erasure: Erasure;
}

/**
 * Finds the people of erasures in a store that was copied or restored from before. Reads all submissions, leads, and
 * entries of the do-not-call list and of the lists of registries.
 *
 * @param keys of the store; an erasure whose key is missing finds nobody
 */
export async function findErased(
  store: People,
  parsePhone: ParsePhone,
  keys: StoreKeys,
  erasures: readonly Erasure[],
): Promise<ErasedPerson[]> {
  const search = new DigestSearch(keys, erasures);
  for await (const sent of store.sentNumbers()) {
    search.add(sent.mobile);
    const other = otherNumberIn(sent, parsePhone);
    if (other !== undefined) search.add(other, sent.id);
  }
  for await (const { mobile } of store.leadNumbers()) search.add(mobile);
  for await (const { mobile } of store.listedMobiles()) search.add(mobile);
  return search.found();
}

/** Compares numbers with the digests of erasures. */
class DigestSearch {
  readonly #keys: StoreKeys;
  readonly #keyIds: readonly string[];
  readonly #latest = new Map<string, Erasure>();
  readonly #people = new Map<string, { otherSubmissions: string[]; erasure: Erasure }>();

  constructor(keys: StoreKeys, erasures: readonly Erasure[]) {
    this.#keys = keys;
    this.#keyIds = [...new Set(erasures.map(({ keyId }) => keyId))];
    for (const erasure of erasures.toSorted((one, other) => one.erasedAt - other.erasedAt))
      this.#latest.set(erasure.digest, erasure);
  }

  /** @param submissionId of a submission in which it is the other phone number */
  add(mobile: string, submissionId?: string): void {
    const erasure = this.#erasureOf(mobile);
    if (erasure === undefined) return;
    const person = this.#people.get(mobile) ?? { otherSubmissions: [], erasure };
    if (submissionId !== undefined) person.otherSubmissions.push(submissionId);
    this.#people.set(mobile, person);
  }

  found(): ErasedPerson[] {
    return Array.from(this.#people, ([mobile, { otherSubmissions, erasure }]) => ({
      person: { mobile, otherSubmissions },
      erasure,
    }));
  }

  #erasureOf(mobile: string): Erasure | undefined {
    return this.#keyIds
      .map((id) => this.#keys.byId(id))
      .map((key) => key && this.#latest.get(key.personDigest(mobile)))
      .find((erasure) => erasure !== undefined);
  }
}
