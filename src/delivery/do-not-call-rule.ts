import type { ParsePhone } from '../leads/phone.ts';
import { otherNumberOf } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import type { Suppressions } from '../store/suppressions.ts';
import { type DeliveryRule, type Permission, withoutOther } from './permission.ts';

/** Nothing is delivered to a number in the do-not-call list, whether it is the lead's `mobile` or its `other_phone`. */
export class DoNotCallRule implements DeliveryRule {
  readonly #store: Pick<Suppressions, 'suppressedNumbers'>;
  readonly #parsePhone: ParsePhone;

  constructor(store: Pick<Suppressions, 'suppressedNumbers'>, parsePhone: ParsePhone) {
    this.#store = store;
    this.#parsePhone = parsePhone;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[]): Promise<Permission<Lead>[]> {
    const numbered = leads.map((lead) => ({
      lead,
      other: otherNumberOf(lead.content, this.#parsePhone),
    }));
    const numbers = numbered.flatMap(({ lead, other }) =>
      other === undefined ? [lead.mobile] : [lead.mobile, other],
    );
    const ids = leads.map(({ id }) => id);
    const found = await this.#store.suppressedNumbers(ids, [...new Set(numbers)]);
    const blocked = new Set(found.map(({ leadId, mobile }) => `${leadId} ${mobile}`));
    return numbered.map(({ lead, other }) => {
      if (blocked.has(`${lead.id} ${lead.mobile}`))
        return { outcome: 'suppressed', lead, reason: suppressed };
      return other !== undefined && blocked.has(`${lead.id} ${other}`)
        ? withoutOther(lead, otherSuppressed)
        : { outcome: 'deliver', lead };
    });
  }
}

/** Why the `other_phone` is left out if it is in the do-not-call list. */
export const otherSuppressed = 'it is in the do-not-call list';

const suppressed = 'The person is in the do-not-call list.';
