import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ContractOperation } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import type { OperationId, Reply } from '../contract/reply.ts';
import type { Validate } from '../contract/validation.ts';
import type { Operation, OperationRequest } from '../operations/operation.ts';
import type { KeyHolder, Partner } from '../partners/partner.ts';
import { type Intake, StoreUnavailable } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { inRequestSpan } from '../telemetry/tracing.ts';
import type { ActiveKeys } from './active-keys.ts';
import type { AuthFailureLimiter } from './auth-failure-limiter.ts';
import { authenticate, type Refused } from './authenticate.ts';
import { readBody, type Unread } from './body.ts';
import type { ReadAddress } from './client-address.ts';
import type { FailureLog } from './failure-log.ts';
import { headersToCheck, idempotencyOf } from './idempotency.ts';
import type { InFlight } from './in-flight.ts';
import type { KeyLastUsed } from './key-last-used.ts';
import type { KeyLimits } from './key-limits.ts';
import { isAcceptable } from './media-type.ts';
import {
  contentTooLarge,
  incompleteRequest,
  rateLimited,
  tooManyRequests,
  unavailable,
  unsupportedMediaType,
  validationFailed,
} from './refusals.ts';
import { newRequestId, respond } from './respond.ts';
import type { Turn } from './tick.ts';

export type NodeContext = Context<{ Bindings: HttpBindings }>;

/** What all endpoints share. */
export interface EndpointParts {
  intake: Intake;
  readAddress: ReadAddress;
  authFailures: AuthFailureLimiter;
  activeKeys: Pick<ActiveKeys, 'has'>;
  keyLimits: KeyLimits;
  keyLastUsed: Pick<KeyLastUsed, 'used'>;
  inFlight: InFlight;
  turn: Turn;
  log: Log;
  failures: FailureLog;
  onResponse: OnResponse;
}

/** What the handler of an operation is made of. */
export interface Endpoint extends EndpointParts {
  contract: ContractOperation;
  operation: Operation<OperationId>;
  validate: Validate;
}

/** One request on its way through, with what is found out about it. */
interface RequestContext {
  context: NodeContext;
  query: Record<string, string[]>;
  requestId: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
  /** The IP address that it comes from; read with the first call, since most requests need none. */
  address: () => string;
  holder?: KeyHolder;
  limitHeaders?: Readonly<Record<string, string>>;
}

/**
 * The Hono handler of one operation: who asks, then what they ask, then the answer.
 *
 * Each function that is `async` costs a request half a microsecond and up to a kilobyte, so on this way only those are
 * that wait for something each time.
 */
export function endpointHandler(endpoint: Endpoint): (context: NodeContext) => Promise<Response> {
  const { method, path, id } = endpoint.contract;
  const name = `${method} ${path}`;
  const about = { 'http.request.method': method, 'http.route': path, 'leads.operation': id };
  return async (context) => {
    const startedAt = performance.now();
    const visit: RequestContext = {
      context,
      query: context.req.queries(),
      requestId: newRequestId(),
      receivedAt: Date.now(),
      address: once(() => endpoint.readAddress(context.env.incoming)),
    };
    await endpoint.turn.end();
    const reply = await inRequestSpan(
      name,
      about,
      () => replyTo(visit, endpoint),
      (run) => ({
        'http.response.status_code': run.status,
        'leads.outcome': run.outcome,
        'leads.request_id': visit.requestId,
      }),
    );
    endpoint.onResponse({
      requestId: visit.requestId,
      operation: endpoint.contract.id,
      partner: visit.holder?.partner.name,
      address: visit.holder === undefined ? visit.address() : undefined,
      outcome: reply.outcome,
      status: reply.status,
      milliseconds: performance.now() - startedAt,
    });
    return respond(reply, visit.requestId, visit.limitHeaders);
  };
}

function once(read: () => string): () => string {
  let value: string | undefined;
  return () => {
    value ??= read();
    return value;
  };
}

async function replyTo(visit: RequestContext, endpoint: Endpoint): Promise<Reply> {
  const { contract, keyLimits, keyLastUsed, inFlight } = endpoint;
  const { context, query, receivedAt, address } = visit;
  let entered: string | undefined;
  try {
    const caller = { incoming: context.env.incoming, query, address };
    const found = authenticate(caller, contract.credentials, endpoint);
    const holder = found instanceof Promise ? await found : found;
    if ('refusal' in holder) return refused(holder, visit);
    visit.holder = holder;
    keyLastUsed.used(holder.keyId, receivedAt);
    const allowance = keyLimits.take(holder);
    if (allowance !== undefined) {
      visit.limitHeaders = allowance.headers;
      if (allowance.wait > 0) return rateLimited(allowance.wait);
    }
    if (!inFlight.enter(holder.keyId)) return tooManyRequests;
    entered = holder.keyId;
    return await replyToPartner(visit, endpoint, holder.partner);
  } catch (error) {
    return replyToFailure(error, visit, endpoint);
  } finally {
    if (entered !== undefined) inFlight.leave(entered);
  }
}

function refused({ refusal, headers }: Refused, visit: RequestContext): Reply {
  if (headers !== undefined) visit.limitHeaders = headers;
  return refusal;
}

function replyToPartner(visit: RequestContext, endpoint: Endpoint, partner: Partner): Reply | Promise<Reply> {
  const { incoming } = visit.context.env;
  const { contract } = endpoint;
  if (!isAcceptable(contract, incoming.headers['content-type'], incoming.headers['content-encoding'])) {
    return unsupportedMediaType(contract);
  }
  const body = readBody(incoming, contract.maxBytes);
  if (body instanceof Promise) return body.then((read) => replyToBody(read, visit, endpoint, partner));
  return replyToBody(body, visit, endpoint, partner);
}

function replyToBody(
  bytes: Buffer | Unread,
  { context, query, receivedAt, requestId }: RequestContext,
  { contract, operation, validate, log }: Endpoint,
  partner: Partner,
): Reply | Promise<Reply> {
  if (bytes === 'too-large') return contentTooLarge(contract);
  if (bytes === 'cut-short') return incompleteRequest;
  const json = readJson(bytes);
  if ('failures' in json) return validationFailed(json.failures);
  const { incoming } = context.env;
  const { headers } = incoming;
  const validated = validate({ query, headers: headersToCheck(incoming), body: json.value });
  if ('failures' in validated) {
    for (const notCallable of validated.notCallable) {
      const about = { requestId, operation: contract.id, partner: partner.name, ...notCallable };
      log.info(about, 'A phone number is not called.');
    }
    return validationFailed(validated.failures);
  }
  // The cast: the body keeps the schema that its type is generated from.
  const body = validated.body as OperationRequest<OperationId>['body'];
  const idempotency = idempotencyOf(contract.id, headers, body);
  return operation.run({ partner, body, text: json.text, receivedAt, idempotency });
}

function replyToFailure(error: unknown, { requestId }: RequestContext, endpoint: Endpoint): Reply {
  const { contract, operation, failures } = endpoint;
  const about = { requestId, operation: contract.id };
  if (error instanceof StoreUnavailable) {
    failures.write('warn', about, `Refused a request: ${error.message}`);
    return unavailable;
  }
  failures.write('error', { err: error, ...about }, 'A request failed.');
  return operation.failed;
}
