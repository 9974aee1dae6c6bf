import type { PartnerRecord } from '../store/partners.ts';
import type { Store } from '../store/store.ts';
import { userErrors } from '../store/user-errors.ts';

/** Returns a partner, which may be deleted. @throws {UserError} if there is none of this name */
export async function findPartner(store: Pick<Store, 'partners'>, name: string): Promise<PartnerRecord> {
  for await (const partner of store.partners()) if (partner.name === name) return partner;
  throw userErrors.noPartner(name);
}
