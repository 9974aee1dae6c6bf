import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { type Contract, readContract } from '../contract/document.ts';
import type { OperationId } from '../contract/reply.ts';
import { validators } from '../contract/validation.ts';
import type { PhoneParsers } from '../leads/phone.ts';
import type { Operation } from '../operations/operation.ts';
import { createOperations } from '../operations/operations.ts';
import type { RateLimit } from '../partners/rate-limit.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { ActiveKeys } from './active-keys.ts';
import { AuthFailureLimiter } from './auth-failure-limiter.ts';
import { addressReader, type TrustedProxies } from './client-address.ts';
import { Documents } from './documents.ts';
import { type EndpointParts, endpointHandler } from './endpoint.ts';
import { FailureLog } from './failure-log.ts';
import { healthz, readyz } from './health.ts';
import { InFlight } from './in-flight.ts';
import type { KeyLastUsed } from './key-last-used.ts';
import { KeyLimits } from './key-limits.ts';
import { docs, toDocs } from './page.ts';
import type { Readiness } from './readiness.ts';
import { serviceFailure } from './respond.ts';
import { securityTxt } from './security-txt.ts';
import { Turn } from './tick.ts';
import { refuseUnknownPaths } from './unknown-path.ts';

export interface AppParts {
  store: Store;
  phones: PhoneParsers;
  log: Log;
  readiness: Pick<Readiness, 'isReady'>;
  onResponse: OnResponse;
  keyLastUsed: Pick<KeyLastUsed, 'used'>;
  /** How many requests of one key may be under way at once. */
  inFlightPerKey?: number;
  /** How many requests a key may send whose partner has no limit of its own; undefined for any number. */
  rateLimit?: RateLimit | undefined;
  /** The reverse proxies whose word is taken for where a request comes from. */
  trustedProxies?: TrustedProxies;
  /** To whom a weakness is reported; undefined for nobody. */
  securityContact?: string | undefined;
  /** How many bytes of documents clients may not have read, in all. */
  maxUnread?: number;
}

const defaultInFlightPerKey = 1_000;

/** The HTTP application: a route for each operation of the contract, and the service's own. */
export function createApp(parts: AppParts) {
  const { store, phones, log, readiness, onResponse, keyLastUsed } = parts;
  const app = new Hono<{ Bindings: HttpBindings }>();
  const contract = readContract();
  const operations = createOperations(store, phones);
  const validatorOf = validators(contract, phones);
  const failures = new FailureLog(log);
  const readAddress = addressReader(parts.trustedProxies ?? []);
  const shared: EndpointParts = {
    intake: store,
    readAddress,
    authFailures: new AuthFailureLimiter(),
    activeKeys: new ActiveKeys(store),
    keyLimits: new KeyLimits(parts.rateLimit),
    keyLastUsed,
    inFlight: new InFlight(parts.inFlightPerKey ?? defaultInFlightPerKey),
    turn: new Turn(),
    log,
    failures,
    onResponse,
  };

  for (const operation of contract.operations) {
    const handler = endpointHandler({
      ...shared,
      contract: operation,
      // The cast: an operation gets only bodies that keep its own schema, and gives only its own replies.
      operation: operations[operation.id] as Operation<OperationId>,
      validate: validatorOf(operation),
    });
    app.on(operation.method, operation.path, handler);
  }
  app.get('/healthz', () => healthz());
  app.get('/readyz', () => readyz(readiness.isReady));
  const documents = new Documents(readAddress, parts.maxUnread);
  serveContract(app, contract, documents);
  app.get('/docs', (context) => documents.serve(context, docs()));
  app.get('/', () => toDocs());
  const { securityContact } = parts;
  if (securityContact !== undefined) {
    app.get('/.well-known/security.txt', () => securityTxt(securityContact));
  }

  refuseUnknownPaths(app, onResponse);
  // The operations answer for their own failures; what comes here is the service's.
  app.onError((error) => serviceFailure(error, failures));
  return app;
}

/** The contract itself: as it is written (RFC 9512 names the type), and dereferenced as JSON. */
function serveContract(
  app: Hono<{ Bindings: HttpBindings }>,
  contract: Contract,
  documents: Documents,
): void {
  const serve = (path: string, type: string, text: string) => {
    const document = { bytes: Buffer.from(text), headers: { 'Content-Type': type } };
    app.get(path, (context) => documents.serve(context, document));
  };
  serve('/openapi.yaml', 'application/yaml', contract.yaml);
  serve('/openapi.json', 'application/json', contract.json);
}
