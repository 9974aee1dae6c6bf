import type { ParsePhone } from '../leads/phone.ts';
import { otherNumberOf } from '../leads/submitted-fields.ts';
import type { DueLead } from '../store/delivery.ts';
import type { SentOtherPhones } from '../store/sent-other-phones.ts';
import { otherSuppressed } from './do-not-call-rule.ts';
import { type DeliveryRule, type Permission, withoutOther } from './permission.ts';

/**
 * Records the other phone numbers of leads that are about to be sent, so that a later objection finds these leads. The
 * last rule: what it records is sent.
 */
export class OtherPhoneRule implements DeliveryRule {
  readonly needsClaim = true;
  readonly #store: SentOtherPhones;
  readonly #parsePhone: ParsePhone;

  constructor(store: SentOtherPhones, parsePhone: ParsePhone) {
    this.#store = store;
    this.#parsePhone = parsePhone;
  }

  async decide<Lead extends DueLead>(leads: readonly Lead[]): Promise<Permission<Lead>[]> {
    const sent = leads.map(({ id, mobile, content }) => {
      const other = otherNumberOf(content, this.#parsePhone);
      return { leadId: id, mobile: other === mobile ? undefined : other };
    });
    const blocked = await this.#store.recordOtherPhones(sent);
    const blockedIds = new Set(blocked.map(({ leadId }) => leadId));
    return leads.map((lead) =>
      blockedIds.has(lead.id) ? withoutOther(lead, otherSuppressed) : { outcome: 'deliver', lead },
    );
  }
}
