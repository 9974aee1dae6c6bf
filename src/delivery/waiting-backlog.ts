import { noCommonHours } from '../leads/calling-hours/calling-hours.ts';
import type { WaitCause } from '../leads/wait-cause.ts';
import type { Delivery, DueLead } from '../store/delivery.ts';
import type { DeliveryPermission, Waiting } from './permission.ts';
import { releasesOf } from './sorted-permissions.ts';

/** Number of due leads that are examined at once: few enough that partners' requests are not delayed noticeably. */
const pageSize = 500;

/** What many leads wait for until the same time, which no import and no service can change before. */
const predictableCauses: readonly WaitCause[] = ['calling-hours', noCommonHours];

/**
 * Postpones due leads that are outside of their calling hours, such as after the hours were made stricter or an outage.
 * Claiming and releasing each of them would take minutes, and delay the permitted leads that are due after them.
 */
export class WaitingBacklog {
  readonly #store: Pick<Delivery, 'dueLeads' | 'postponeLeads'>;
  readonly #permission: DeliveryPermission;

  constructor(store: Pick<Delivery, 'dueLeads' | 'postponeLeads'>, permission: DeliveryPermission) {
    this.#store = store;
    this.#permission = permission;
  }

  /**
   * Postpones those of the first due leads that must wait, if a claim suggests that there are many: it had as many
   * leads as it could, and at least half of them must wait.
   *
   * @returns the leads that were postponed
   * @throws if the store fails
   */
  async postponeAfter(claim: {
    limit: number;
    claimed: number;
    waiting: number;
  }): Promise<Waiting<DueLead>[]> {
    if (claim.claimed < claim.limit || 2 * claim.waiting < claim.claimed) return [];
    const due = await Array.fromAsync(this.#store.dueLeads(pageSize));
    const waiting: Waiting<DueLead>[] = [];
    for (const permission of await this.#permission.decideUnclaimed(due)) {
      if (permission.outcome === 'wait' && predictableCauses.includes(permission.waitsFor)) {
        waiting.push(permission);
      }
    }
    for (const { ids, until, waitsFor } of releasesOf(waiting)) {
      await this.#store.postponeLeads(ids, until, waitsFor);
    }
    return waiting;
  }
}
