import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { ContractOperation } from '../contract/contract.ts';
import type { OperationId, Reply } from '../contract/reply.ts';
import type { NotCallable, Validate } from '../contract/validation.ts';
import { newIdentifier, uuidOf } from '../leads/identifier.ts';
import type { CancellingStore } from '../operations/cancel-lead.ts';
import type { Operation, OperationRequest } from '../operations/operation.ts';
import { describeRejection, type RejectedKey } from '../partners/key-state.ts';
import type { KeyHolder, Partner } from '../partners/partner.ts';
import type { Intake } from '../store/intake.ts';
import { StoreUnavailable } from '../store/store-unavailable.ts';
import type { LimitedLog } from '../telemetry/limited-log.ts';
import type { Log } from '../telemetry/log.ts';
import type { CompletedRequest, OnResponse } from '../telemetry/requests.ts';
import { inRequestSpan } from '../telemetry/tracing.ts';
import type { ActiveKeyCache } from './active-key-cache.ts';
import type { AuthFailureLimiter } from './auth-failure-limiter.ts';
import { type AuthenticationFailure, authenticate } from './authenticate.ts';
import type { BytesInFlight } from './bytes-in-flight.ts';
import type { ReadAddress } from './client-address.ts';
import { idempotencyOf } from './idempotency.ts';
import type { InFlightLimiter } from './in-flight-limiter.ts';
import type { KeyLastUsed } from './key-last-used.ts';
import type { KeyRateLimiter } from './key-rate-limiter.ts';
import { readRequest } from './read-request.ts';
import { rateLimited, tooManyInFlight, unavailable } from './refusals.ts';
import type { RejectionCounter } from './rejections.ts';
import type { RequiredConsent } from './required-consent.ts';
import { respond } from './respond.ts';
import { limitRows, withinBytes } from './row-requests.ts';
import type { Tick } from './tick.ts';

/** Hono's context of a request that Node received. */
export type NodeContext = Context<{ Bindings: HttpBindings }>;

/** The services that the pipelines of all operations share. */
export interface PipelineServices {
  intake: Intake & CancellingStore;
  readAddress: ReadAddress;
  /** Warns about a proxy that is not trusted. */
  checkProxy: (incoming: IncomingMessage) => void;
  authFailures: AuthFailureLimiter;
  activeKeys: Pick<ActiveKeyCache, 'has' | 'delete'>;
  keyRateLimiter: KeyRateLimiter;
  keyLastUsed: Pick<KeyLastUsed, 'record'>;
  requiredConsent: RequiredConsent;
  inFlight: InFlightLimiter;
  bytesInFlight: BytesInFlight;
  tick: Tick;
  log: Log;
  failureLog: LimitedLog;
  onResponse: OnResponse;
}

/** An operation as it is bound to a store. */
export interface BoundOperation {
  implementation: Operation<OperationId>;
  validate: Validate;
  /** Counts rejected requests. */
  rejections: Pick<RejectionCounter, 'count'>;
}

/** One operation of the contract, with everything that its pipeline needs. */
export interface Endpoint extends PipelineServices, BoundOperation {
  operation: ContractOperation;
  /** Names of the fields of its body. */
  fields: ReadonlySet<string>;
  /** Returns the operation for requests with test keys. @throws {StoreUnavailable} */
  forTests(): Promise<BoundOperation>;
}

/** A request as it arrived. */
interface RequestContext {
  readonly incoming: IncomingMessage;
  readonly query: Record<string, string[]>;
  /** Its identifier, of which `requestId` is another notation. */
  readonly id: string;
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** The reply to a request, and what else its response and its log line include. */
interface ProcessedRequest {
  readonly reply: Reply;
  /** Why the request was rejected, for operators; undefined: the first message of the reply states it. */
  readonly reason?: string | undefined;
  /** Undefined: the request was not authenticated. */
  readonly partner?: Partner | undefined;
  /** Whether the key is a test key. */
  readonly isTest?: boolean;
  /** What counts the request if it is rejected. Undefined: that of live requests, if the key is no test key. */
  readonly rejections?: Pick<RejectionCounter, 'count'>;
  /** The known key of a request that was not authenticated. */
  readonly rejectedKey?: RejectedKey | undefined;
  /** Rate limit headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Returns the Hono handler of an operation. This file lists the steps of every request in their order. */
export function requestPipeline(endpoint: Endpoint): (context: NodeContext) => Promise<Response> {
  const { operation, tick, readAddress, checkProxy, onResponse } = endpoint;
  const { method, path, id: operationId } = operation;
  const spanAttributes = {
    'http.request.method': method,
    'http.route': path,
    'leads.operation': operationId,
  };
  return async ({ env: { incoming }, req }) => {
    const startedAt = performance.now();
    const receivedAt = Date.now();
    const id = newIdentifier(receivedAt);
    const requestId = uuidOf(id);
    const request = { incoming, query: req.queries(), id, requestId, receivedAt };
    await tick.ended();
    const processed = await inRequestSpan(
      `${method} ${path}`,
      spanAttributes,
      () => processRequest(request, endpoint),
      ({ reply }) => ({
        'http.response.status_code': reply.status,
        'leads.outcome': reply.outcome,
        'leads.request_id': requestId,
      }),
    );
    const { reply, partner, isTest, rejectedKey, headers } = processed;
    countRejection(processed, request, endpoint);
    if (partner !== undefined) checkProxy(incoming);
    // `handleParserErrors` has already reported the response to an incomplete request whose connection it has ended.
    if (incoming.complete || !incoming.socket.writableEnded) {
      onResponse({
        requestId,
        operation: operationId,
        partner: partner?.name,
        isTest,
        rejectedKey: rejectedKey && loggedKey(rejectedKey),
        address: partner === undefined ? readAddress(incoming) : undefined,
        outcome: reply.outcome,
        leadId: reply.headers['Lead-Id'],
        isReplay: reply.isReplay,
        rows: reply.rows && countOutcomes(reply.rows),
        status: reply.status,
        milliseconds: performance.now() - startedAt,
      });
    }
    return respond(reply, requestId, headers);
  };
}

function loggedKey({ keyId, partner, reason }: RejectedKey): CompletedRequest['rejectedKey'] {
  return { keyId, partner: partner.name, reason };
}

/** Returns the number of rows with each outcome. */
function countOutcomes(rows: readonly Pick<Reply, 'outcome'>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of rows) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Counts a request with a known key that was refused, and the refused rows of a request. */
function countRejection(
  { reply, reason, partner, isTest, rejections, rejectedKey }: ProcessedRequest,
  { requestId, receivedAt }: RequestContext,
  { operation, fields, rejections: live }: Endpoint,
): void {
  const sender = partner ?? rejectedKey?.partner;
  const counter = rejections ?? (isTest ? undefined : live);
  if (sender === undefined || counter === undefined) return;
  for (const each of reply.rows ?? [reply]) {
    if (each.status < 400 || each.status >= 500) continue;
    counter.count({
      partnerId: sender.id,
      operation: operation.id,
      reply: each,
      reason,
      fields,
      requestId,
      receivedAt,
    });
  }
}

/** Authenticates the request, applies the limits of its key, and runs it. */
async function processRequest(request: RequestContext, endpoint: Endpoint): Promise<ProcessedRequest> {
  const { operation, keyLastUsed, keyRateLimiter, inFlight } = endpoint;
  const caller = await authenticate(request, operation.credentials, endpoint).catch((error: unknown) => ({
    refusal: failureReply(error, request, endpoint),
  }));
  if ('refusal' in caller) return notAuthenticated(caller);
  const { keyId, partner, isTest } = caller;
  keyLastUsed.record(keyId, request.receivedAt);

  const allowance = keyRateLimiter.consume(caller);
  const headers = allowance?.headers;
  if (allowance?.isExceeded) return { reply: rateLimited(allowance.retryAfter), partner, isTest, headers };
  if (!inFlight.enter(keyId)) return { reply: tooManyInFlight, partner, isTest, headers };
  try {
    const own = isTest ? { ...endpoint, ...(await endpoint.forTests()) } : endpoint;
    const { rejections } = own;
    return { headers, ...(await runRequest(request, caller, own)), partner, isTest, rejections };
  } catch (error) {
    return { reply: failureReply(error, request, endpoint), partner, isTest, headers };
  } finally {
    inFlight.leave(keyId);
  }
}

function notAuthenticated({ refusal, rejectedKey, headers }: AuthenticationFailure): ProcessedRequest {
  return { reply: refusal, rejectedKey, reason: rejectedKey && describeRejection(rejectedKey), headers };
}

/** Reads, parses and validates the body, and runs the operation. The large bodies of rows are limited in total. */
function runRequest(
  request: RequestContext,
  caller: KeyHolder,
  endpoint: Endpoint,
): Promise<ProcessedRequest> {
  const { operation, bytesInFlight } = endpoint;
  if (operation.rows === undefined) return readAndRun(request, caller, endpoint);
  const run = () => readAndRun(request, caller, endpoint);
  return withinBytes(bytesInFlight, operation, request.incoming, caller.keyId, run, (reply) => ({ reply }));
}

async function readAndRun(
  request: RequestContext,
  caller: KeyHolder,
  endpoint: Endpoint,
): Promise<ProcessedRequest> {
  const { keyId, partner, dailyQuota, maxPriority } = caller;
  const { operation, implementation, validate, requiredConsent } = endpoint;
  const content = await readRequest(request, operation, validate, (sent) =>
    operation.id === 'addLead' ? requiredConsent.fieldsOf(partner.id, sent) : [],
  );
  if ('refusal' in content) {
    logNotCallable(content.notCallable ?? [], request, partner, endpoint);
    return { reply: content.refusal, reason: content.unreadReason };
  }

  const limited = limitRows(operation, content.body, caller, endpoint.keyRateLimiter);
  const headers = limited?.headers && { headers: limited.headers };
  if (limited?.refusal !== undefined) return { reply: limited.refusal, ...headers };

  // The cast: the body passed the schema that its type is generated from.
  const body = content.body as OperationRequest<OperationId>['body'];
  const idempotency = idempotencyOf(operation.id, request.incoming.headers, body);
  const reply = await implementation.run({
    id: request.id,
    partner,
    keyId,
    dailyQuota,
    maxPriority,
    body,
    text: content.text,
    receivedAt: request.receivedAt,
    idempotency,
  });
  return { reply, ...headers };
}

/** Logs why a valid phone number is not allowed; the partner's message only reports it as invalid. */
export function logNotCallable(
  numbers: readonly NotCallable[],
  { requestId }: Pick<RequestContext, 'requestId'>,
  partner: Pick<Partner, 'name'>,
  { operation, log }: { operation: Pick<ContractOperation, 'id'>; log: Log },
): void {
  for (const number of numbers) {
    const details = { requestId, operation: operation.id, partner: partner.name, ...number };
    log.info(details, 'A phone number is not allowed.');
  }
}

/** Logs an error and returns the reply to the request that failed. */
function failureReply(error: unknown, { requestId }: RequestContext, endpoint: Endpoint): Reply {
  const { operation, implementation, failureLog } = endpoint;
  const details = { requestId, operation: operation.id };
  if (error instanceof StoreUnavailable) {
    failureLog.write('warn', details, `The server returned 503: ${error.message}`);
    return unavailable;
  }
  failureLog.write('error', { err: error, ...details }, 'A request failed.');
  return implementation.serverError;
}
