import { UserError } from '../errors/user-error.ts';

/**
 * Processes ids one after the other. If one fails, the others are still processed.
 *
 * @throws {UserError} at the end, with one line for each id that failed
 */
export async function processIds(
  ids: readonly string[],
  processOne: (id: string) => Promise<void>,
): Promise<void> {
  const failures: string[] = [];
  for (const id of ids) {
    try {
      await processOne(id);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error.message);
    }
  }
  if (failures.length > 0) throw new UserError(failures.join('\n'));
}
