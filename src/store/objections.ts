import { setTimeout as sleep } from 'node:timers/promises';
import type { ParsePhone } from '../leads/phone.ts';
import { otherNumberOf } from '../leads/submitted-fields.ts';
import type { CallReport, CallResults, RecordedReport } from './call-results.ts';
import {
  type ImportedLines,
  type LeadInFlight,
  maxStartDelay,
  type ObjectionCap,
  type ObjectionResult,
  type PartnerObjection,
  type Suppressed,
  type SuppressedLeads,
  type Suppression,
  type Suppressions,
} from './suppressions.ts';

/** Time within which an attempt begins once its start is decided (ms). */
const startTolerance = 100;

/** Interval at which the attempts in flight are read (ms). */
const pollInterval = 50;

/**
 * Records an objection of a partner. Once it resolves, no attempt starts to deliver the number to a dialler, as a
 * lead's `mobile` or `other_phone`: it waits, for up to two seconds, for attempts that a claim before the objection may
 * start.
 *
 * @param parsePhone parser of the deployment, for the other phone numbers of leads
 */
export async function recordObjection(
  store: Suppressions,
  parsePhone: ParsePhone,
  objection: PartnerObjection,
  cap: ObjectionCap,
): Promise<ObjectionResult> {
  const result = await store.recordObjection(objection, cap);
  if (result.outcome === 'over-cap') return result;
  return withOthers(result, await settle(store, parsePhone, [objection.mobile]));
}

/** Records the result of a call. If the person objected, with the promise of `recordObjection`. */
export async function recordReport(
  store: CallResults & Suppressions,
  parsePhone: ParsePhone,
  report: CallReport,
): Promise<RecordedReport> {
  const recorded = await store.recordCallResult(report);
  // A repeated report completes one whose response was lost.
  if (report.result === 'do-not-call' && 'mobile' in recorded)
    await settle(store, parsePhone, [recorded.mobile]);
  return recorded;
}

/** Enters numbers in the do-not-call list, with the promise of `recordObjection`. @throws {UserError} as `addSuppressions` */
export async function enterNumbers(
  store: Suppressions,
  parsePhone: ParsePhone,
  entries: readonly Suppression[],
): Promise<Suppressed> {
  const result = await store.addSuppressions(entries);
  const mobiles = entries.map(({ mobile }) => mobile);
  return withOthers(result, await settle(store, parsePhone, mobiles));
}

/**
 * Enters many numbers in batches. Each batch is complete once it is committed; `end` gives the promise of
 * `recordObjection` for all of them.
 */
export class BulkEntry {
  readonly #store: Suppressions;
  /** Numbers of the last batch: a lead that was added at the moment of its commit was not found yet. */
  #last: readonly string[] = [];

  constructor(store: Suppressions) {
    this.#store = store;
  }

  /** Enters a batch. Returns what it has changed, and what it has found for the batch before. @throws as `addSuppressions` */
  async add(entries: readonly Suppression[], imported: ImportedLines): Promise<Suppressed> {
    const result = await this.#store.addSuppressions(entries, imported);
    return withOthers(result, await this.#searchAgain(entries.map(({ mobile }) => mobile)));
  }

  /** Waits as `recordObjection` does, and returns what was found for the last batch. */
  async end(): Promise<SuppressedLeads> {
    await untilNoAttemptStarts(this.#store, () => true);
    return this.#searchAgain([]);
  }

  /** Searches the leads of the last batch again. @param next numbers to search the next time */
  async #searchAgain(next: readonly string[]): Promise<SuppressedLeads> {
    const mobiles = this.#last;
    this.#last = next;
    return mobiles.length === 0 ? { leads: [], withdrawals: [] } : this.#store.suppressLeads(mobiles);
  }
}

/** Adds the leads that a later search has found. */
function withOthers<Result extends SuppressedLeads>(result: Result, others: SuppressedLeads): Result {
  const withdrawals = new Set([...result.withdrawals, ...others.withdrawals]);
  return { ...result, leads: [...result.leads, ...others.leads], withdrawals: [...withdrawals] };
}

/**
 * Waits until no attempt can start that does not see the entries of numbers, which are committed. Also ends leads that
 * were added at the same moment, and returns them.
 */
async function settle(
  store: Suppressions,
  parsePhone: ParsePhone,
  mobiles: readonly string[],
): Promise<SuppressedLeads> {
  const leads = await store.suppressLeads(mobiles);
  const numbers = new Set(mobiles);
  const hasWaited = await untilNoAttemptStarts(store, (lead) => reaches(lead, numbers, parsePhone));
  // A claim from before may have recorded an other phone number since.
  return hasWaited ? withOthers(leads, await store.suppressLeads(mobiles)) : leads;
}

function reaches(
  { mobile, content }: LeadInFlight,
  numbers: ReadonlySet<string>,
  parsePhone: ParsePhone,
): boolean {
  if (numbers.has(mobile)) return true;
  return numbers.has(otherNumberOf(content, parsePhone) ?? '');
}

/**
 * Waits until the claims that exist now have ended, or can start no attempt any more. Later claims see what is
 * committed.
 *
 * @param concerns whether a lead matters
 * @returns whether there were any
 */
export async function untilNoAttemptStarts(
  store: Pick<Suppressions, 'leadsInFlight'>,
  concerns: (lead: LeadInFlight) => boolean,
): Promise<boolean> {
  const begun = performance.now();
  let claims = await claimsOf(store, concerns);
  const hasFound = claims.size > 0;
  while (claims.size > 0 && performance.now() - begun <= maxStartDelay + startTolerance) {
    await sleep(pollInterval);
    claims = claims.intersection(await claimsOf(store, concerns));
  }
  return hasFound;
}

/** Stands for the claims of more leads than are searched. */
const unknownClaims: ReadonlySet<string> = new Set(['unknown']);

async function claimsOf(
  store: Pick<Suppressions, 'leadsInFlight'>,
  concerns: (lead: LeadInFlight) => boolean,
): Promise<Set<string>> {
  const inFlight = await store.leadsInFlight();
  if (inFlight === undefined) return new Set(unknownClaims);
  return new Set(inFlight.filter(concerns).map(({ id, claim }) => `${id} ${claim}`));
}
