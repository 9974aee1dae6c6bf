import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ContractOperation } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import type { OperationId, Reply } from '../contract/reply.ts';
import type { Validate } from '../contract/validation.ts';
import type { Operation, OperationRequest } from '../operations/operation.ts';
import type { KeyHolder, Partner } from '../partners/partner.ts';
import { type Intake, StoreBusy } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { TellAnswered } from '../telemetry/requests.ts';
import { inRequestSpan } from '../telemetry/tracing.ts';
import type { ActiveKeys } from './active-keys.ts';
import { authenticate, type Refused } from './authenticate.ts';
import { readBody, type Unread } from './body.ts';
import type { ReadAddress } from './client-address.ts';
import type { FailureLog } from './failure-log.ts';
import { headersToCheck, idempotencyOf } from './idempotency.ts';
import type { InFlight } from './in-flight.ts';
import type { KeyLimits } from './key-limits.ts';
import type { KeyUses } from './key-uses.ts';
import { isAcceptable } from './media-type.ts';
import {
  contentTooLarge,
  cutShort,
  mustBeMended,
  rateLimited,
  tooManyRequests,
  unavailable,
  unsupportedMediaType,
} from './refusals.ts';
import { newRequestId, respond } from './respond.ts';
import type { Turn } from './turn.ts';
import type { WrongKeys } from './wrong-keys.ts';

export type NodeContext = Context<{ Bindings: HttpBindings }>;

/** What all endpoints share. */
export interface EndpointParts {
  intake: Intake;
  readAddress: ReadAddress;
  wrongKeys: WrongKeys;
  activeKeys: Pick<ActiveKeys, 'has'>;
  keyLimits: KeyLimits;
  keyUses: Pick<KeyUses, 'used'>;
  inFlight: InFlight;
  turn: Turn;
  log: Log;
  failures: FailureLog;
  tellAnswered: TellAnswered;
}

/** What the handler of an operation is made of. */
export interface Endpoint extends EndpointParts {
  contract: ContractOperation;
  operation: Operation<OperationId>;
  validate: Validate;
}

/** One request on its way through, with what is found out about it. */
interface Visit {
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
    const visit: Visit = {
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
      (answer) => ({
        'http.response.status_code': answer.status,
        'leads.outcome': answer.outcome,
        'leads.request_id': visit.requestId,
      }),
    );
    endpoint.tellAnswered({
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

async function replyTo(visit: Visit, endpoint: Endpoint): Promise<Reply> {
  const { contract, keyLimits, keyUses, inFlight } = endpoint;
  const { context, query, receivedAt, address } = visit;
  let entered: string | undefined;
  try {
    const caller = { incoming: context.env.incoming, query, address };
    const found = authenticate(caller, contract.credentials, endpoint);
    const holder = found instanceof Promise ? await found : found;
    if ('refusal' in holder) return refused(holder, visit);
    visit.holder = holder;
    keyUses.used(holder.keyId, receivedAt);
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

function refused({ refusal, headers }: Refused, visit: Visit): Reply {
  if (headers !== undefined) visit.limitHeaders = headers;
  return refusal;
}

function replyToPartner(visit: Visit, endpoint: Endpoint, partner: Partner): Reply | Promise<Reply> {
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
  { context, query, receivedAt, requestId }: Visit,
  { contract, operation, validate, log }: Endpoint,
  partner: Partner,
): Reply | Promise<Reply> {
  if (bytes === 'too-large') return contentTooLarge(contract);
  if (bytes === 'cut-short') return cutShort;
  const json = readJson(bytes);
  if ('failures' in json) return mustBeMended(json.failures);
  const { incoming } = context.env;
  const { headers } = incoming;
  const validated = validate({ query, headers: headersToCheck(incoming), body: json.value });
  if ('failures' in validated) {
    for (const notCalled of validated.notCalled) {
      const about = { requestId, operation: contract.id, partner: partner.name, ...notCalled };
      log.info(about, 'A phone number is not called.');
    }
    return mustBeMended(validated.failures);
  }
  // The cast: the body keeps the schema that its type is generated from.
  const body = validated.body as OperationRequest<OperationId>['body'];
  const idempotency = idempotencyOf(contract.id, headers, body);
  return operation.answer({ partner, body, text: json.text, receivedAt, idempotency });
}

function replyToFailure(error: unknown, { requestId }: Visit, endpoint: Endpoint): Reply {
  const { contract, operation, failures } = endpoint;
  const about = { requestId, operation: contract.id };
  if (error instanceof StoreBusy) {
    failures.write('warn', about, `Refused a request: ${error.message}`);
    return unavailable;
  }
  failures.write('error', { err: error, ...about }, 'A request failed.');
  return operation.failed;
}
