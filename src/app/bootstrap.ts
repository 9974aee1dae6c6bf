import { UserError } from '../errors/user-error.ts';
import { newIdentifier } from '../leads/identifier.ts';
import { digestOf, newKey } from '../partners/key.ts';
import type { Registry } from '../store/store.ts';

/** What an empty store is begun with. */
export interface FirstPartner {
  partner: string;
  type: string;
  key: string;
}

/** Gives an empty store a partner with a type and a key, and tells what they are; leaves any other alone. */
export async function bootstrap(registry: Registry): Promise<FirstPartner | undefined> {
  if (!(await registry.isEmpty())) return undefined;
  const first = { partner: 'demo', type: 'motor-trade', key: newKey() };
  try {
    await registry.addType(first.type, null);
  } catch (error) {
    // Another server that starts on the same store was first.
    if (error instanceof UserError) return undefined;
    throw error;
  }
  await registry.addPartner(first.partner, [first.type]);
  await registry.addKey(first.partner, newIdentifier(), digestOf(first.key));
  return first;
}
