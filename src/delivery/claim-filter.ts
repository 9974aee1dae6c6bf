import type { ClaimedLead } from '../store/store.ts';
import type { AttemptRecorder } from './attempt-recorder.ts';
import type { DeliveryPermission, Permitted } from './permission.ts';
import type { SettlingLeads } from './settling-leads.ts';

/** Finds which leads of a claim are sent now, and releases the others. */
export class ClaimFilter {
  readonly #permission: DeliveryPermission;
  readonly #settling: SettlingLeads;
  readonly #recorder: AttemptRecorder;

  constructor(permission: DeliveryPermission, settling: SettlingLeads, recorder: AttemptRecorder) {
    this.#permission = permission;
    this.#settling = settling;
    this.#recorder = recorder;
  }

  /**
   * Returns the leads of a claim that are sent now. Releases those that must wait, and those of which the dialler may
   * still be processing an earlier attempt, such as those that an operator has retried.
   *
   * @throws if the store fails; the leads that it has not released are claimed again when their leases have ended
   */
  async sendable(claim: string, leads: readonly ClaimedLead[]): Promise<Permitted<ClaimedLead>[]> {
    const settled = await this.#withoutSettling(claim, leads);
    const permitted: Permitted<ClaimedLead>[] = [];
    for (const permission of await this.#permission.decide(settled)) {
      const { outcome, lead } = permission;
      if (outcome === 'deliver') permitted.push(permission);
      else if (outcome === 'wait') await this.#recorder.release(claim, lead.id, permission.until);
      else throw new Error('No rule suppresses leads.');
    }
    return permitted;
  }

  async #withoutSettling(claim: string, leads: readonly ClaimedLead[]): Promise<ClaimedLead[]> {
    const settled: ClaimedLead[] = [];
    for (const lead of leads) {
      const remaining = this.#settling.remaining(lead);
      if (remaining > 0) await this.#recorder.release(claim, lead.id, Math.ceil(Date.now() + remaining));
      else settled.push(lead);
    }
    return settled;
  }
}
