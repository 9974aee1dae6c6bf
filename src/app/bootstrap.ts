import { newIdentifier } from '../leads/identifier.ts';
import { digestOf, newKey } from '../partners/key.ts';
import type { PartnerDirectory } from '../store/partner-directory.ts';

/** The first partner of a store, with its lead type and key. */
export interface FirstPartner {
  partner: string;
  type: string;
  key: string;
}

/** When an empty store gets a first partner: always, never, or in a trial. */
export type Bootstrap = 'on' | 'off' | 'auto';

/**
 * Returns whether a server creates a missing store, and adds a first partner to an empty one. The key is printed on
 * standard error, which a log collector such as journald or Docker may keep. It is a trial if that is a terminal, or if
 * no store is configured.
 */
export function isBootstrapWanted(setting: Bootstrap, isDatabaseUrlDefault: boolean): boolean {
  return setting === 'on' || (setting === 'auto' && (process.stderr.isTTY || isDatabaseUrlDefault));
}

/**
 * Adds a first partner to an empty store. Returns undefined, and changes nothing, if the store is not empty.
 *
 * @param isTest whether its key is a test key
 */
export async function bootstrap(store: PartnerDirectory, isTest = false): Promise<FirstPartner | undefined> {
  const { partner, type, key } = { partner: 'demo', type: 'motor-trade', key: newKey({ isTest }) };
  const isAdded = await store.addFirstPartner(partner, type, newIdentifier(), digestOf(key), isTest);
  return isAdded ? { partner, type, key } : undefined;
}

/** Returns a shell command that adds a lead. @param url base URL of the server */
export function addLeadCommand({ type, key }: FirstPartner, url: string, mobile = '07840258823'): string {
  return `curl ${url}/lead/add \\
    -H 'Authorization: Bearer ${key}' \\
    -H 'Content-Type: application/json' \\
    -d '{"email":"john.doe@test.com","first_name":"John","surname":"Doe",
         "mobile":"${mobile}","type":"${type}"}'`;
}
