import { UserError } from '../errors/user-error.ts';
import type { Store } from '../store/store.ts';
import { UnknownName } from '../store/user-errors.ts';
import { closestName, typingDistance } from '../text/closest-name.ts';

/** Returns the error with the name that was probably meant, if it is about a name that does not exist. */
export async function withSuggestion(
  error: unknown,
  store: Pick<Store, 'types' | 'partners'>,
): Promise<unknown> {
  if (!(error instanceof UnknownName)) return error;
  const records: AsyncIterable<{ name: string }> = error.kind === 'type' ? store.types() : store.partners();
  const known = await Array.fromAsync(records, (record) => record.name);
  const name = closestName(error.unknown, known, undefined, typingDistance);
  return name === undefined
    ? error
    : new UserError(`${error.message} Did you mean ${JSON.stringify(name)}?`, { cause: error });
}
