import type { ClaimedLead } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { AttemptRecorder, TooLate } from './attempt-recorder.ts';
import {
  type DeliveryPermission,
  type Permission,
  type Permitted,
  releasesOf,
  type Waiting,
} from './permission.ts';
import type { SettlingLeads } from './settling-leads.ts';

const suppressedMessage = 'Leads are not delivered: their people are in the do-not-call list.';

const withdrawnMessage = 'Leads are withdrawn instead of being sent again.';

/** The leads of a claim that are sent now, and those that were too late to call and have ended. */
interface Sendable {
  permitted: Permitted<ClaimedLead>[];
  tooLate: TooLate;
}

/** Finds which leads of a claim are sent now, and releases the others. */
export class ClaimFilter {
  readonly #permission: DeliveryPermission;
  readonly #settling: SettlingLeads;
  readonly #recorder: AttemptRecorder;
  readonly #log: Log;

  constructor({
    permission,
    settling,
    recorder,
    log,
  }: { permission: DeliveryPermission; settling: SettlingLeads; recorder: AttemptRecorder; log: Log }) {
    this.#permission = permission;
    this.#settling = settling;
    this.#recorder = recorder;
    this.#log = log;
  }

  /**
   * Returns the leads of a claim that are sent now. Releases those that must wait, and those of which the dialler may
   * still be processing an earlier attempt, such as those that an operator has retried. Ends those whose people objected,
   * and those that are too late to call.
   *
   * @throws if the store fails while the rules are applied; the leads are released then
   */
  async sendable(claim: string, leads: readonly ClaimedLead[]): Promise<Sendable> {
    const settled = await this.#withoutSettling(claim, leads);
    const permitted: Permitted<ClaimedLead>[] = [];
    const suppressed: string[] = [];
    const late: string[] = [];
    const waiting: Waiting<ClaimedLead>[] = [];
    for (const permission of await this.#decide(claim, settled)) {
      const { outcome, lead } = permission;
      if (outcome === 'deliver') permitted.push(permission);
      else if (outcome === 'wait') waiting.push(permission);
      else (outcome === 'too-late' ? late : suppressed).push(lead.id);
    }
    for (const { ids, until, waitsFor } of releasesOf(waiting)) {
      await this.#recorder.release(claim, ids, until, waitsFor);
    }
    await this.suppress(claim, suppressed);
    return { permitted, tooLate: await this.#recorder.endTooLate(claim, late) };
  }

  /** Ends leads of a claim that are not sent because their people objected. */
  async suppress(claim: string, leadIds: readonly string[]): Promise<void> {
    const ended = await Promise.all(leadIds.map((id) => this.#recorder.suppress(claim, id)));
    const leads = ended.flatMap((each) => each.leads);
    const withdrawals = ended.flatMap((each) => each.withdrawals);
    if (leads.length > 0) this.#log.info({ leads }, suppressedMessage);
    if (withdrawals.length > 0) this.#log.info({ leads: withdrawals }, withdrawnMessage);
  }

  /** Applies the rules. If that fails, releases the leads: once their leases had ended, they would seem to have been sent. */
  async #decide(claim: string, leads: readonly ClaimedLead[]): Promise<Permission<ClaimedLead>[]> {
    try {
      return await this.#permission.decide(leads);
    } catch (error) {
      await this.#recorder.release(
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
      const remaining = this.#settling.remaining(lead);
      if (remaining > 0) await this.#recorder.release(claim, [lead.id], Math.ceil(Date.now() + remaining));
      else settled.push(lead);
    }
    return settled;
  }
}
