import { UserError } from '../errors/user-error.ts';

/**
 * Runs a command for each of several ids, and for all of them even if it cannot be done for some.
 *
 * @throws {UserError} at the end, with a sentence for each id for which it could not be done
 */
export async function forEachId(ids: readonly string[], run: (id: string) => Promise<void>): Promise<void> {
  const refusals: string[] = [];
  for (const id of ids) {
    try {
      await run(id);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refusals.push(error.message);
    }
  }
  if (refusals.length > 0) throw new UserError(refusals.join('\n'));
}
