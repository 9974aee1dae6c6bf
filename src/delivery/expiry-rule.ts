import type { DueLead } from '../store/delivery.ts';
import type { DeliveryRule, Permission } from './permission.ts';

/** Ends leads that are too late to call: their `expires_at` has passed. */
export class ExpiryRule implements DeliveryRule {
  async decide<Lead extends DueLead>(leads: readonly Lead[], now: number): Promise<Permission<Lead>[]> {
    return leads.map((lead) =>
      lead.expiresAt !== null && lead.expiresAt <= now
        ? { outcome: 'too-late', lead, cause: 'expires-at' }
        : { outcome: 'deliver', lead },
    );
  }
}
