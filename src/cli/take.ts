import { deliveryPermission } from '../delivery/delivery-rules.ts';
import type {
  DeliveryPermission,
  Permission,
  Permitted,
  TooLateCause,
  Waiting,
} from '../delivery/permission.ts';
import { releasesOf, sortedPermissions } from '../delivery/sorted-permissions.ts';
import { WaitingBacklog } from '../delivery/waiting-backlog.ts';
import { UserError } from '../errors/user-error.ts';
import { newIdentifier } from '../leads/identifier.ts';
import type { ClaimedLead, DueLead } from '../store/delivery.ts';
import type { EndedTooLate } from '../store/delivery-gaps.ts';
import { maxStartDelay } from '../store/suppressions.ts';
import type { Session } from './action.ts';
import { noteWaiting, type Wait, waitOf } from './waiting-note.ts';

/** Limits of `leads due --take`. */
export interface TakeLimits {
  /** Maximum number of leads that are printed before they are recorded as delivered. */
  batchSize: number;
  /** Lease of a batch (ms): until it ends, nobody else can claim the leads. It is renewed while the output stalls. */
  lease: number;
}

const defaultLimits: TakeLimits = { batchSize: 50, lease: 60_000 };

/**
 * Delivers due leads by printing them in batches; each batch is recorded before the next is claimed. While the output
 * stalls, the lease of the batch is renewed, so nobody else can claim its leads. If the process dies, the lease ends:
 * up to one batch is printed again, and none is lost.
 *
 * @param print resolves once the output has accepted the leads
 * @returns the number of delivered leads
 * @throws {UserError} with the ids of leads that were or may have been printed and are not recorded as delivered
 */
export async function takeDue(
  session: Pick<
    Session<string>,
    'store' | 'dialWithin' | 'callsPerDay' | 'parsePhone' | 'defaultCountry' | 'note'
  > &
    Partial<Pick<Session<string>, 'screening'>>,
  limit: number,
  print: (leads: readonly DueLead[]) => Promise<void>,
  { batchSize, lease }: TakeLimits = defaultLimits,
): Promise<number> {
  const { store, note } = session;
  const permission = deliveryPermission(session);
  const backlog = new WaitingBacklog(store, permission);
  const notPermitted: Wait[] = [];
  let remaining = limit;
  const tooLate: Record<TooLateCause, number> = { 'dial-within': 0, 'expires-at': 0 };
  const skipped = { undecided: 0, suppressed: 0 };
  try {
    while (remaining > 0) {
      const claim = newIdentifier();
      const [startedAt, claimedAt] = [Date.now(), performance.now()];
      const size = Math.min(remaining, batchSize);
      const leads = await store.claimDue({ claim, limit: size, lease });
      if (leads.length === 0) break;
      const decisions = await decide(store, permission, claim, leads);
      const { permitted, waiting, suppressed, ended } = await applyDecisions(store, claim, decisions);
      notPermitted.push(...waiting.map(waitOf));
      skipped.suppressed += suppressed;
      for (const { cause, expired, undecided } of ended) {
        tooLate[cause] += expired.length + undecided.length;
        skipped.undecided += undecided.length;
      }
      const batch = new Batch(store, claim, permitted, lease);
      if (performance.now() - claimedAt > maxStartDelay) skipped.suppressed += await batch.renewBefore();
      remaining -= await batch.deliver(print, startedAt);
      const claimed = { limit: size, claimed: leads.length, waiting: waiting.length };
      notPermitted.push(...(await backlog.postponeAfter(claimed)).map(waitOf));
    }
  } finally {
    const { undecided, suppressed } = skipped;
    if (suppressed > 0)
      note(`Not delivered because their people are in the do-not-call list: ${suppressed}.`);
    noteWaiting('Not delivered now', notPermitted, note);
    const { 'dial-within': late, 'expires-at': expired } = tooLate;
    if (late > 0) note(`Not delivered because DIAL_WITHIN has passed: ${late}.`);
    if (expired > 0) note(`Not delivered because their expires_at has passed: ${expired}.`);
    if (undecided > 0) {
      note(`The dialler may have ${undecided} of them. Run \`leads lead list --undecided\` to list them.`);
    }
  }
  return limit - remaining;
}

/** Applies the rules. If that fails, releases the leads: once their leases had ended, they would seem to be printed. */
async function decide(
  store: Session<string>['store'],
  permission: DeliveryPermission,
  claim: string,
  leads: readonly ClaimedLead[],
): Promise<Permission<ClaimedLead>[]> {
  try {
    return await permission.decide(leads);
  } catch (error) {
    const ids = leads.map(({ id }) => id);
    // Only the first failure is reported: if the store fails again, the cause is probably the same.
    await store.releaseLeads(claim, ids, Date.now()).catch(() => {});
    throw error;
  }
}

/**
 * Releases the claimed leads that must wait, and ends those whose people objected or that are too late to call. Returns
 * the leads that may be printed, and what became of the others.
 */
async function applyDecisions(
  store: Session<string>['store'],
  claim: string,
  permissions: readonly Permission<ClaimedLead>[],
): Promise<{
  permitted: Permitted[];
  waiting: Waiting[];
  suppressed: number;
  ended: (EndedTooLate & { cause: TooLateCause })[];
}> {
  const { permitted, waiting, suppressed, tooLate } = sortedPermissions(permissions);
  for (const { ids, until, waitsFor } of releasesOf(waiting)) {
    await store.releaseLeads(claim, ids, until, waitsFor);
  }
  if (suppressed.length > 0) await store.suppressClaimed(claim, suppressed);
  const ended = [];
  for (const [cause, ids] of tooLate) ended.push({ cause, ...(await store.endTooLate(claim, ids)) });
  return { permitted, waiting, suppressed: suppressed.length, ended };
}

/** Leads that are claimed, printed and recorded together. */
class Batch {
  readonly #store: Session<string>['store'];
  readonly #claim: string;
  #leads: readonly Permitted[];
  readonly #lease: number;

  constructor(store: Session<string>['store'], claim: string, leads: readonly Permitted[], lease: number) {
    this.#store = store;
    this.#claim = claim;
    this.#leads = leads;
    this.#lease = lease;
  }

  /**
   * Renews the lease before the leads are printed, because the store has responded late, and leaves out those whose
   * people have objected meanwhile, or that another process has claimed.
   *
   * @returns the number of those whose people objected
   */
  async renewBefore(): Promise<number> {
    let objected = 0;
    for (;;) {
      const begun = performance.now();
      const held = await this.#renew();
      const lost = this.#leads.map(({ lead }) => lead).filter(({ id }) => !held.includes(id));
      this.#leads = this.#leads.filter(({ lead }) => held.includes(lead.id));
      objected += await this.#endObjected(lost);
      if (performance.now() - begun <= maxStartDelay) return objected;
    }
  }

  /** Ends those of the leads whose people objected. Returns their number; the others belong to another process. */
  async #endObjected(lost: readonly DueLead[]): Promise<number> {
    if (lost.length === 0) return 0;
    const ids = lost.map(({ id }) => id);
    await this.#store.suppressClaimed(this.#claim, ids);
    const numbers = lost.map(({ mobile }) => mobile);
    const listed = await this.#store.suppressedNumbers(ids, numbers);
    return lost.filter(({ id, mobile }) =>
      listed.some((each) => each.leadId === id && each.mobile === mobile),
    ).length;
  }

  /** Prints the leads and records them as delivered. Returns their number. @throws {UserError} as `takeDue` */
  async deliver(print: (leads: readonly DueLead[]) => Promise<void>, startedAt: number): Promise<number> {
    if (this.#leads.length === 0) return 0;
    // The renewal after the output reports a failure; until then, the next one may succeed.
    const renewal = setInterval(() => void this.#renew().catch(() => {}), this.#lease / 3);
    try {
      await print(this.#leads.map(({ lead }) => lead));
    } catch (error) {
      throw new UserError(
        `Writing the output failed (${messageOf(error)}). These leads may have been printed but are not recorded as delivered, and are due again in ${this.#lease / 1_000} seconds: ${this.#ids().join(' ')}`,
      );
    } finally {
      clearInterval(renewal);
    }
    // If the store fails here, recording fails as well and reports it.
    const held = await this.#renew().catch(() => this.#ids());
    await this.#record(startedAt);
    const lost = this.#ids().filter((id) => !held.includes(id));
    if (lost.length === 0) return this.#leads.length;
    throw new UserError(
      `This process was suspended, or could not reach the store, for longer than ${this.#lease / 1_000} seconds. These leads were printed, and another process may have delivered them too, or their people have objected: ${lost.join(' ')}`,
    );
  }

  async #record(startedAt: number): Promise<void> {
    const attempt = {
      startedAt,
      endedAt: Date.now(),
      outcome: 'delivered',
    } as const;
    const recorded = await Promise.allSettled(
      this.#leads.map(({ lead, leftOut, basis }) => {
        const response = ['printed by `leads due --take`', leftOut]
          .filter((each) => each !== undefined)
          .join('; ');
        const permitted = {
          leadId: lead.id,
          response,
          ...(basis !== undefined && { basis: JSON.stringify(basis) }),
        };
        return this.#store.recordAttempt(this.#claim, { ...attempt, ...permitted }, undefined);
      }),
    );
    const failure = recorded.find((result) => result.status === 'rejected');
    if (failure === undefined) return;
    const ids = this.#ids().filter((_, index) => recorded[index]?.status === 'rejected');
    throw new UserError(
      `The store failed (${messageOf(failure.reason)}). These leads were printed but may not be recorded as delivered; if they are printed again, skip them by id: ${ids.join(' ')}`,
    );
  }

  /** Renews the lease. Returns the ids of the leads that this process still holds. */
  #renew(): Promise<string[]> {
    return this.#store.renewLease(this.#claim, this.#ids(), this.#lease);
  }

  #ids(): string[] {
    return this.#leads.map(({ lead }) => lead.id);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
}
