import type { ClaimedLead } from '../store/delivery.ts';
import type { EndedTooLate } from '../store/delivery-gaps.ts';
import type { Log } from '../telemetry/log.ts';
import type { AttemptRecorder } from './attempt-recorder.ts';
import type { DeliveryObserver } from './delivery-observer.ts';
import type { DeliveryPermission, Permission, Permitted } from './permission.ts';
import type { SettlingLeads } from './settling-leads.ts';
import { releasesOf, sortedPermissions } from './sorted-permissions.ts';

const suppressedMessage = 'Leads are not delivered: their people are in the do-not-call list.';

const withdrawnMessage = 'Leads are withdrawn instead of being sent again.';

const tooLateUndecided =
  'Leads are past DIAL_WITHIN, and the dialler may have them. Check the dialler, then run `leads lead resolve`.';

/** What the filter depends on. */
export interface ClaimFilterOptions {
  permission: DeliveryPermission;
  settling: SettlingLeads;
  recorder: AttemptRecorder;
  log: Log;
  observer: Pick<DeliveryObserver, 'onTooLate'>;
}

/** The leads of a claim that are sent now. */
export interface Sendable {
  permitted: Permitted<ClaimedLead>[];
  /** Number of the others that rules do not permit now. */
  waiting: number;
}

/** Finds which leads of a claim are sent now, and releases the others. */
export class ClaimFilter {
  readonly #options: ClaimFilterOptions;

  constructor(options: ClaimFilterOptions) {
    this.#options = options;
  }

  /**
   * Returns the leads of a claim that are sent now. Releases those that must wait, and those of which the dialler may
   * still be processing an earlier attempt, such as those that an operator has retried. Ends those whose people objected,
   * and those that are too late to call.
   *
   * @throws if the store fails while the rules are applied; the leads are released then
   */
  async sendable(claim: string, leads: readonly ClaimedLead[]): Promise<Sendable> {
    const { recorder } = this.#options;
    const settled = await this.#withoutSettling(claim, leads);
    const permissions = await this.#decide(claim, settled);
    const { permitted, waiting, suppressed, tooLate } = sortedPermissions(permissions);
    for (const { ids, until, waitsFor } of releasesOf(waiting)) {
      await recorder.release(claim, ids, until, waitsFor);
    }
    await this.suppress(claim, suppressed);
    this.#reportTooLate(await recorder.endTooLate(claim, tooLate));
    return { permitted, waiting: waiting.length };
  }

  #reportTooLate({ expired, undecided }: EndedTooLate): void {
    const { log, observer } = this.#options;
    const tooLate = expired.length + undecided.length;
    if (tooLate > 0) observer.onTooLate(tooLate);
    if (expired.length > 0) {
      log.warn({ leads: expired }, 'Leads are past DIAL_WITHIN and will not be delivered.');
    }
    if (undecided.length > 0) log.error({ leads: undecided }, tooLateUndecided);
  }

  /** Ends leads of a claim that are not sent because their people objected. */
  async suppress(claim: string, leadIds: readonly string[]): Promise<void> {
    const { recorder, log } = this.#options;
    const ended = await Promise.all(leadIds.map((id) => recorder.suppress(claim, id)));
    const leads = ended.flatMap((each) => each.leads);
    const withdrawals = ended.flatMap((each) => each.withdrawals);
    if (leads.length > 0) log.info({ leads }, suppressedMessage);
    if (withdrawals.length > 0) log.info({ leads: withdrawals }, withdrawnMessage);
  }

  /** Applies the rules. If that fails, releases the leads: once their leases had ended, they would seem to have been sent. */
  async #decide(claim: string, leads: readonly ClaimedLead[]): Promise<Permission<ClaimedLead>[]> {
    try {
      return await this.#options.permission.decide(leads);
    } catch (error) {
      await this.#options.recorder.release(
        claim,
        leads.map(({ id }) => id),
        Date.now(),
      );
      throw error;
    }
  }

  async #withoutSettling(claim: string, leads: readonly ClaimedLead[]): Promise<ClaimedLead[]> {
    const settled: ClaimedLead[] = [];
    for (const lead of leads) {
      const remaining = this.#options.settling.remaining(lead);
      if (remaining > 0)
        await this.#options.recorder.release(claim, [lead.id], Math.ceil(Date.now() + remaining));
      else settled.push(lead);
    }
    return settled;
  }
}
