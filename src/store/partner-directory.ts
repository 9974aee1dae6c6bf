import type { LeadTypes } from './lead-types.ts';
import type { PartnerKeys } from './partner-keys.ts';
import type { Partners } from './partners.ts';

/** Partners, their keys, and the types granted to them. */
export interface PartnerDirectory extends LeadTypes, Partners, PartnerKeys {
  /**
   * Adds a first partner with a type and a key, or nothing if there are partners or types. Returns whether it added
   * them.
   *
   * @param isTest whether it is a test key (see `KeyHolder`); default: it is not
   */
  addFirstPartner(
    partner: string,
    type: string,
    keyId: string,
    digest: string,
    isTest?: boolean,
  ): Promise<boolean>;
}
