import type { ClaimedLead } from '../store/delivery.ts';
import type { EndedTooLate } from '../store/delivery-gaps.ts';
import type { Log } from '../telemetry/log.ts';
import type { AttemptRecorder } from './attempt-recorder.ts';
import type { DeliveryObserver } from './delivery-observer.ts';
import type { DeliveryPermission, Permission, Permitted, TooLateCause } from './permission.ts';
import type { SettlingLeads } from './settling-leads.ts';
import { releasesOf, sortedPermissions } from './sorted-permissions.ts';

const suppressedMessage = 'Leads are not delivered: their people are in the do-not-call list.';

const withdrawnMessage = 'Leads are withdrawn instead of being sent again.';

/** What is logged about leads that are too late to call. */
const tooLateMessages: Readonly<Record<TooLateCause, { expired: string; undecided: string }>> = {
  'dial-within': {
    expired: 'Leads are past DIAL_WITHIN and will not be delivered.',
    undecided:
      'Leads are past DIAL_WITHIN, and the dialler may have them. Check the dialler, then run `leads lead resolve`.',
  },
  'expires-at': {
    expired: 'Leads are past their expires_at and will not be delivered.',
    undecided:
      'Leads are past their expires_at, and the dialler may have them. Check the dialler, then run `leads lead resolve`.',
  },
};

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
   * still be processing an earlier attempt, such as those that an operator has retried. Ends those whose people
   * objected, and those that are too late to call.
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
    for (const [cause, ids] of tooLate) this.#reportTooLate(cause, await recorder.endTooLate(claim, ids));
    return { permitted, waiting: waiting.length };
  }

  #reportTooLate(cause: TooLateCause, { expired, undecided }: EndedTooLate): void {
    const { log, observer } = this.#options;
    const messages = tooLateMessages[cause];
    const tooLate = expired.length + undecided.length;
    if (tooLate > 0) observer.onTooLate(cause, tooLate);
    if (expired.length > 0) log.warn({ leads: expired }, messages.expired);
    if (undecided.length > 0) log.error({ leads: undecided }, messages.undecided);
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
