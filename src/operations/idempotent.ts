import { Reply } from '../contract/reply.ts';
import type { Operation, OperationRequest } from './operation.ts';

/** The operations that take an idempotency key. */
type Idempotent = 'addLead' | 'cancelLead';

const reply = Reply.of<Idempotent>();

/** How many seconds the first request may still take. */
const retryAfter = 1;

/** 409. */
const requestInProgress = reply(
  409,
  'request-in-progress',
  { error: 'A request with this idempotency key is still under way.' },
  { 'Retry-After': retryAfter },
);

/** 422. */
export const idempotencyKeyReused = reply(422, 'idempotency-key-reused', {
  error: 'This idempotency key was used for another request.',
});

/** Marks an answer that was given before. */
export const replayed = { 'Idempotent-Replayed': 'true' } as const;

/**
 * Keeps a request from running beside an earlier one with the same idempotency key. What was answered
 * before is the store's to know; a second server that gets the key at the same moment waits there.
 */
export function idempotent<Id extends Idempotent>(operation: Operation<Id>): Operation<Id> {
  const inFlight = new Set<string>();
  async function answerOnce(name: string, request: OperationRequest<Id>) {
    if (inFlight.has(name)) return requestInProgress;
    inFlight.add(name);
    try {
      return await operation.run(request);
    } finally {
      inFlight.delete(name);
    }
  }
  return {
    ...operation,
    run(request) {
      const { partner, idempotency } = request;
      if (idempotency === undefined) return operation.run(request);
      return answerOnce(`${partner.id} ${idempotency.key}`, request);
    },
  };
}
