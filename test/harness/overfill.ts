import type { OperationId } from '../../src/contract/reply.ts';
import { send } from './client.ts';
import type { ReceivedResponse } from './contract.ts';
import { holdWriteLock, type TestServer } from './server.ts';

/** Number of requests above the limit. */
const excess = 5;

/**
 * Sends more requests than the server can hold while the store cannot write, and lets it write once the excess is
 * refused.
 *
 * @param limit number of requests that the server can hold
 */
export async function overfill(
  server: TestServer,
  id: OperationId,
  limit: number,
): Promise<{ refused: ReceivedResponse; accepted: ReceivedResponse[] }> {
  const lock = holdWriteLock(server.file);
  const responses: ReceivedResponse[] = [];
  const excessRefused = Promise.withResolvers<void>();
  const requests = Array.from({ length: limit + excess }, async () => {
    responses.push(await send(server, id));
    if (responses.length === excess) excessRefused.resolve();
  });
  await excessRefused.promise;
  lock.release();
  await Promise.all(requests);
  const [refused] = responses;
  if (refused === undefined) throw new Error('No request got a response.');
  return { refused, accepted: responses.slice(excess) };
}
