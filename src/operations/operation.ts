import type { operations } from '../../generated/openapi.ts';
import type { OperationId, Reply } from '../contract/reply.ts';
import type { Idempotency } from '../leads/idempotency.ts';
import type { Partner } from '../partners/partner.ts';

/** A request that keeps the contract, from a partner whose key is good. */
export interface OperationRequest<Id extends OperationId> {
  partner: Partner;
  /** What was sent, its blanks left out. */
  body: operations[Id]['requestBody']['content']['application/json'];
  /** The body as it was sent: JSON text. */
  text: string;
  /** When it came in, in milliseconds since 1970. */
  receivedAt: number;
  /** By what it is known if it is sent again; undefined where the partner gave it no name. */
  idempotency: Idempotency | undefined;
}

/** What the server does for one operationId of openapi.yaml. */
export interface Operation<Id extends OperationId> {
  run(request: OperationRequest<Id>): Promise<Reply<Id>>;
  /** What is answered when the store fails. */
  failed: Reply<Id>;
}

/** An operation for each that openapi.yaml has: one that is missing does not compile. */
export type Operations = { [Id in OperationId]: Operation<Id> };
