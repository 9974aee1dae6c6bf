import { UserError } from '../errors/user-error.ts';
import { newIdentifier } from '../leads/identifier.ts';
import { digestOf, newKey } from '../partners/key.ts';
import type { Registry } from '../store/store.ts';

/** The first partner of a store, with its lead type and key. */
export interface FirstPartner {
  partner: string;
  type: string;
  key: string;
}

/** Adds a first partner to an empty store. Returns undefined, and changes nothing, if the store is not empty. */
export async function bootstrap(registry: Registry): Promise<FirstPartner | undefined> {
  if (!(await registry.isEmpty())) return undefined;
  const first = { partner: 'demo', type: 'motor-trade', key: newKey() };
  try {
    await registry.addType(first.type, null);
  } catch (error) {
    // Another server is starting on the same store and has added it first.
    if (error instanceof UserError) return undefined;
    throw error;
  }
  await registry.addPartner(first.partner, [first.type]);
  await registry.addKey(first.partner, newIdentifier(), digestOf(first.key));
  return first;
}

/** Returns a shell command that adds a lead. @param url base URL of the server */
export function addLeadCommand({ type, key }: FirstPartner, url: string): string {
  return `curl '${url}/lead/add?key=${key}' \\
    -H 'Content-Type: application/json' \\
    -d '{"email":"john.doe@test.com","first_name":"John","surname":"Doe","mobile":"07840258823","type":"${type}"}'`;
}
