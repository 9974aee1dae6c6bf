import type { operations } from '../../generated/openapi.ts';
import type { OperationId, Reply } from '../contract/reply.ts';
import type { Idempotency } from '../leads/idempotency.ts';
import type { Partner } from '../partners/partner.ts';

/** A valid request from an authenticated partner. */
export interface OperationRequest<Id extends OperationId> {
  /** Identifier of the request, and of the submission or cancellation stored for it. Its Request-Id is `uuidOf(id)`. */
  id: string;
  partner: Partner;
  /** Id of the key that the partner sent. */
  keyId: string;
  /** Maximum number of leads of the partner that are accepted on one day (UTC); null: no limit. */
  dailyQuota: number | null;
  /** Maximum priority of the partner's leads. */
  maxPriority: number;
  /** The normalised body. */
  body: operations[Id]['requestBody']['content']['application/json'];
  /** The body as it was sent (JSON text). */
  text: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** Undefined: the request has no idempotency key. */
  idempotency: Idempotency | undefined;
}

/** The implementation of one operationId of openapi.yaml. */
export interface Operation<Id extends OperationId> {
  run(request: OperationRequest<Id>): Promise<Reply<Id>>;
  /** The reply if `run` throws. */
  serverError: Reply<Id>;
}

/** An implementation of every operation in openapi.yaml; a missing one does not compile. */
export type Operations = { [Id in OperationId]: Operation<Id> };
