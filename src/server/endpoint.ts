import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ContractOperation } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import type { OperationId, Reply } from '../contract/reply.ts';
import type { Validate } from '../contract/validation.ts';
import type { Operation, OperationRequest } from '../operations/operation.ts';
import type { Partner } from '../partners/partner.ts';
import { type Intake, StoreBusy } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { authenticate } from './authenticate.ts';
import { readBody } from './body.ts';
import { idempotencyOf } from './idempotency.ts';
import type { InFlight } from './in-flight.ts';
import {
  contentTooLarge,
  cutShort,
  mustBeMended,
  tooManyRequests,
  unauthorized,
  unavailable,
  unsupportedMediaType,
} from './refusals.ts';
import { newRequestId, respond } from './respond.ts';

export type NodeContext = Context<{ Bindings: HttpBindings }>;

/** What the handler of an operation is made of. */
export interface Endpoint {
  contract: ContractOperation;
  operation: Operation<OperationId>;
  validate: Validate;
  intake: Intake;
  inFlight: InFlight;
  log: Log;
}

/** The Hono handler of one operation: who asks, then what they ask, then the answer. */
export function endpointHandler(endpoint: Endpoint): (context: NodeContext) => Promise<Response> {
  return async (context) => {
    const requestId = newRequestId();
    try {
      return respond(await replyTo(context, endpoint), requestId);
    } catch (error) {
      return respond(replyToFailure(error, requestId, endpoint), requestId);
    }
  };
}

async function replyTo(context: NodeContext, endpoint: Endpoint): Promise<Reply> {
  const { contract, intake, inFlight } = endpoint;
  const receivedAt = Date.now();
  const query = context.req.queries();
  const holder = await authenticate(context.req, query, contract.credentials, intake);
  if (holder === undefined) return unauthorized;
  if (!inFlight.enter(holder.keyId)) return tooManyRequests;
  try {
    return await replyToPartner(context, endpoint, query, holder.partner, receivedAt);
  } finally {
    inFlight.leave(holder.keyId);
  }
}

async function replyToPartner(
  context: NodeContext,
  { contract, operation, validate }: Endpoint,
  query: Record<string, string[]>,
  partner: Partner,
  receivedAt: number,
): Promise<Reply> {
  if (!isAcceptable(context, contract)) return unsupportedMediaType(contract);
  const bytes = await readBody(context.env.incoming, contract.maxBytes);
  if (bytes === 'too-large') return contentTooLarge(contract);
  if (bytes === 'cut-short') return cutShort;
  const json = readJson(bytes);
  if ('failures' in json) return mustBeMended(json.failures);
  const { headers } = context.env.incoming;
  const validated = validate({ query, headers, body: json.value });
  if ('failures' in validated) return mustBeMended(validated.failures);
  // The cast: the body keeps the schema that its type is generated from.
  const body = validated.body as OperationRequest<OperationId>['body'];
  const idempotency = idempotencyOf(contract.id, headers, body);
  return operation.answer({ partner, body, text: json.text, receivedAt, idempotency });
}

function isAcceptable(context: NodeContext, contract: ContractOperation): boolean {
  const { headers } = context.env.incoming;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return false;
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';', 1);
  return contract.mediaTypes.includes(mediaType.trim().toLowerCase());
}

function replyToFailure(error: unknown, requestId: string, { contract, operation, log }: Endpoint): Reply {
  if (error instanceof StoreBusy) {
    log.warn({ requestId, operation: contract.id }, `Refused a request: ${error.message}`);
    return unavailable;
  }
  log.error({ err: error, requestId, operation: contract.id }, 'A request failed.');
  return operation.failed;
}
