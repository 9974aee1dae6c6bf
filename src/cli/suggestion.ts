import leven from 'leven';
import { UserError } from '../errors/user-error.ts';
import type { Store } from '../store/store.ts';
import { UnknownName } from '../store/user-errors.ts';

/** Maximum number of wrong letters of a name that is suggested, as a share of its length. */
const maxDistance = 0.4;

/** Returns the error with the name that was probably meant, if it is about a name that does not exist. */
export async function withSuggestion(
  error: unknown,
  store: Pick<Store, 'types' | 'partners'>,
): Promise<unknown> {
  if (!(error instanceof UnknownName)) return error;
  const records: AsyncIterable<{ name: string }> = error.kind === 'type' ? store.types() : store.partners();
  const name = closest(error.unknown, await Array.fromAsync(records, (record) => record.name));
  return name === undefined
    ? error
    : new UserError(`${error.message} Did you mean ${JSON.stringify(name)}?`, { cause: error });
}

/**
 * Returns the known name that was probably meant; undefined: none is similar.
 *
 * @param maxShare maximum number of wrong letters, as a share of the known name's length
 */
export function closest(name: string, known: readonly string[], maxShare = maxDistance): string | undefined {
  const distances = known.map((each) => ({ each, distance: leven(name.toLowerCase(), each.toLowerCase()) }));
  const [nearest] = distances.toSorted((one, other) => one.distance - other.distance);
  return nearest !== undefined && nearest.distance <= maxShare * nearest.each.length
    ? nearest.each
    : undefined;
}
