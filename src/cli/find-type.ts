import type { LeadTypeRecord } from '../store/lead-types.ts';
import type { Store } from '../store/store.ts';
import { userErrors } from '../store/user-errors.ts';

/** Returns the lead type with a name or a former name. @throws {UserError} if there is none */
export async function findType(store: Pick<Store, 'types'>, name: string): Promise<LeadTypeRecord> {
  for await (const type of store.types()) {
    if (type.name === name || type.formerNames.includes(name)) return type;
  }
  throw userErrors.noType(name);
}
