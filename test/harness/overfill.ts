import type { OperationId } from '../../src/contract/reply.ts';
import { send } from './client.ts';
import type { ReceivedResponse } from './contract.ts';
import { holdWriteLock, type TestServer } from './server.ts';

/** More than either of the two limits that the tests set. */
const excess = 5;

/**
 * Sends more requests than there is room for while the store cannot write, and lets it write again
 * once the excess is refused.
 *
 * @param room how many requests can wait
 */
export async function overfill(
  server: TestServer,
  id: OperationId,
  room: number,
): Promise<{ refused: ReceivedResponse; taken: ReceivedResponse[] }> {
  const lock = holdWriteLock(server.file);
  const answers: ReceivedResponse[] = [];
  let allRefused = () => {};
  const refusals = new Promise<void>((resolve) => {
    allRefused = resolve;
  });
  const requests = Array.from({ length: room + excess }, async () => {
    answers.push(await send(server, id));
    if (answers.length === excess) allRefused();
  });
  await refusals;
  lock.release();
  await Promise.all(requests);
  const [refused] = answers;
  if (refused === undefined) throw new Error('No request was answered.');
  return { refused, taken: answers.slice(excess) };
}
