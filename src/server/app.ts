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
import { LimitedLog } from '../telemetry/limited-log.ts';
import type { Log } from '../telemetry/log.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { ActiveKeyCache } from './active-key-cache.ts';
import { AuthFailureLimiter } from './auth-failure-limiter.ts';
import { addressReader, type TrustedProxies } from './client-address.ts';
import { docsPage, redirectToDocs } from './docs-page.ts';
import { Documents } from './documents.ts';
import { healthz, readyz } from './health.ts';
import { InFlightLimiter } from './in-flight-limiter.ts';
import type { KeyLastUsed } from './key-last-used.ts';
import { KeyRateLimiter } from './key-rate-limiter.ts';
import type { Readiness } from './readiness.ts';
import { type PipelineServices, requestPipeline } from './request-pipeline.ts';
import { serviceFailure } from './respond.ts';
import { securityTxt } from './security-txt.ts';
import { Tick } from './tick.ts';
import { refuseUnknownPaths } from './unknown-path.ts';

type App = Hono<{ Bindings: HttpBindings }>;

/** What the application depends on, and its limits. */
export interface AppOptions {
  store: Store;
  phones: PhoneParsers;
  log: Log;
  readiness: Pick<Readiness, 'isReady'>;
  onResponse: OnResponse;
  keyLastUsed: Pick<KeyLastUsed, 'record'>;
  /** Maximum number of requests in flight per key. */
  inFlightPerKey?: number;
  /** Rate limit of each key whose partner has no limit set. Undefined: no limit. */
  rateLimit?: RateLimit | undefined;
  /** Reverse proxies whose `X-Forwarded-For` is trusted. */
  trustedProxies?: TrustedProxies;
  /** Contact for security reports. Undefined: none. */
  securityContact?: string | undefined;
  /** Maximum total size of the documents that clients have not read (bytes). */
  maxUnread?: number;
}

/** Default of `inFlightPerKey`. */
const defaultInFlightPerKey = 1_000;

/** Creates the HTTP application: one route per operation of the contract, and the service's own routes. */
export function createApp(options: AppOptions): App {
  const { store, phones, log, readiness, onResponse, securityContact } = options;
  const app: App = new Hono();
  const contract = readContract();
  const failureLog = new LimitedLog(log);
  const readAddress = addressReader(options.trustedProxies ?? []);

  const services = {
    intake: store,
    readAddress,
    authFailures: new AuthFailureLimiter(),
    activeKeys: new ActiveKeyCache(store),
    keyRateLimiter: new KeyRateLimiter(options.rateLimit),
    keyLastUsed: options.keyLastUsed,
    inFlight: new InFlightLimiter(options.inFlightPerKey ?? defaultInFlightPerKey),
    tick: new Tick(),
    log,
    failureLog,
    onResponse,
  };
  addOperations(app, contract, phones, services);

  app.get('/healthz', () => healthz());
  app.get('/readyz', () => readyz(readiness.isReady));
  const documents = new Documents(readAddress, options.maxUnread);
  addContractRoutes(app, contract, documents);
  app.get('/docs', (context) => documents.serve(context, docsPage()));
  app.get('/', () => redirectToDocs());
  if (securityContact !== undefined) {
    app.get('/.well-known/security.txt', () => securityTxt(securityContact));
  }

  refuseUnknownPaths(app, onResponse, ({ env }) => readAddress(env.incoming));
  // The pipeline handles errors of operations; this handles those of the service's own routes.
  app.onError((error) => serviceFailure(error, failureLog));
  return app;
}

function addOperations(app: App, contract: Contract, phones: PhoneParsers, services: PipelineServices): void {
  const operations = createOperations(services.intake, phones);
  const validatorFor = validators(contract, phones);
  for (const operation of contract.operations) {
    const pipeline = requestPipeline({
      ...services,
      operation,
      // The cast: an operation only receives bodies that pass its own schema, and only returns its own replies.
      implementation: operations[operation.id] as Operation<OperationId>,
      validate: validatorFor(operation),
    });
    app.on(operation.method, operation.path, pipeline);
  }
}

/** Serves the contract as YAML (media type of RFC 9512) and, dereferenced, as JSON. */
function addContractRoutes(app: App, contract: Contract, documents: Documents): void {
  const serve = (path: string, type: string, text: string) => {
    const document = { bytes: Buffer.from(text), headers: { 'Content-Type': type } };
    app.get(path, (context) => documents.serve(context, document));
  };
  serve('/openapi.yaml', 'application/yaml', contract.yaml);
  serve('/openapi.json', 'application/json', contract.json);
}
