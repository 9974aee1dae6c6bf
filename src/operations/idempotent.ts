import { Reply } from '../contract/reply.ts';
import type { Operation, OperationRequest } from './operation.ts';

/** The operations that accept an idempotency key. */
type IdempotentOperationId = 'addLead' | 'addLeads' | 'cancelLead';

const reply = Reply.of<IdempotentOperationId>();

/** Time after which the client can retry (s): the first request is then usually complete. */
const retryAfter = 1;

/** 409: an earlier request with the key is still in flight. */
const requestInProgress = reply(
  409,
  'request-in-progress',
  { error: 'A request with this idempotency key is still in progress.' },
  { 'Retry-After': retryAfter },
);

/** 422: the key belongs to a different request. */
export const idempotencyKeyReused = reply(422, 'idempotency-key-reused', {
  error: 'This idempotency key was already used for a different request.',
});

/** Headers of a replayed response. */
export const replayedHeaders = { 'Idempotent-Replayed': 'true' } as const;

/**
 * Adds 409 to an operation: rejects a request while another with the same idempotency key is in flight on this server.
 * The store replays complete requests, and makes a concurrent request on another server wait.
 */
export function idempotent<Id extends IdempotentOperationId>(operation: Operation<Id>): Operation<Id> {
  const inFlight = new Set<string>();

  async function runExclusively(id: string, request: OperationRequest<Id>) {
    if (inFlight.has(id)) return requestInProgress;
    inFlight.add(id);
    try {
      return await operation.run(request);
    } finally {
      inFlight.delete(id);
    }
  }

  return {
    ...operation,
    run(request) {
      const { partner, idempotency } = request;
      if (idempotency === undefined) return operation.run(request);
      return runExclusively(`${partner.id} ${idempotency.key}`, request);
    },
  };
}
