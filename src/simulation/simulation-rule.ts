import type { TestNumbers } from '../contract/test-numbers.ts';
import type { DeliveryRule, Permission } from '../delivery/permission.ts';
import type { DueLead } from '../store/delivery.ts';

/** Time after which a lead that stays scheduled is examined again (ms). */
const recheckAfter = 3_600_000;

/**
 * Lets the leads of some test numbers wait, as outside of their calling hours, or become too late to call. Leads that
 * only exist so that another one is refused wait too.
 */
export class SimulationRule implements DeliveryRule {
  readonly #numbers: TestNumbers;

  constructor(numbers: TestNumbers) {
    this.#numbers = numbers;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    return leads.map((lead) => {
      const { outcome = 'accepted', state } = this.#numbers.of(lead.mobile) ?? {};
      if (state === 'expired') return { outcome: 'too-late', lead, cause: 'dial-within' };
      if (state !== 'scheduled' && outcome === 'accepted') return { outcome: 'deliver', lead };
      const until = now + recheckAfter;
      return { outcome: 'wait', lead, until, waitsFor: 'calling-hours', reason: staysScheduled };
    });
  }
}

const staysScheduled = 'The lead of this test number stays scheduled until it is cancelled.';
