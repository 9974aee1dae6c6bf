import { UserError } from '../errors/user-error.ts';

/**
 * Processes ids one after the other. If one is refused, the others are still processed; after any other error, such as
 * one of the store, they are not.
 *
 * @throws {AggregateError} at the end, with the error of each id that failed
 */
export async function processIds(
  ids: readonly string[],
  processOne: (id: string) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  for (const id of ids) {
    try {
      await processOne(id);
    } catch (error) {
      errors.push(error);
      if (!(error instanceof UserError)) break;
    }
  }
  if (errors.length > 0) throw new AggregateError(errors);
}
