import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { type Contract, readContract } from '../contract/contract.ts';
import type { OperationId } from '../contract/reply.ts';
import type { CallingHoursSetting } from '../leads/calling-hours/calling-hours.ts';
import { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import { uuidOf } from '../leads/identifier.ts';
import type { PhoneParsers } from '../leads/phone.ts';
import { withTestNumbers } from '../leads/test-numbers.ts';
import type { RateLimit } from '../limits/rate-limit.ts';
import type { DailyQuotas } from '../operations/add-lead.ts';
import type { Operation, Operations } from '../operations/operation.ts';
import { createOperations } from '../operations/operations.ts';
import type { Store } from '../store/store.ts';
import { LimitedLog } from '../telemetry/limited-log.ts';
import type { Log } from '../telemetry/log.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { ActiveKeyCache } from './active-key-cache.ts';
import { AuthFailureLimiter } from './auth-failure-limiter.ts';
import { BytesInFlight } from './bytes-in-flight.ts';
import { addressReader, type TrustedProxies } from './client-address.ts';
import { InFlightLimiter } from './in-flight-limiter.ts';
import type { KeyLastUsed } from './key-last-used.ts';
import { KeyRateLimiter } from './key-rate-limiter.ts';
import { addPublicRoutes } from './public-routes.ts';
import type { Readiness } from './readiness.ts';
import type { RejectionCounter } from './rejections.ts';
import {
  type BoundOperation,
  logNotCallable,
  type PipelineServices,
  requestPipeline,
} from './request-pipeline.ts';
import { RequiredConsent } from './required-consent.ts';
import { serviceFailure } from './respond.ts';
import { type ContractEndpoint, contractEndpoints, endpointOf, rowValidation } from './row-validation.ts';
import { securityTxt } from './security-txt.ts';
import { type TestData, testEndpoints } from './test-endpoints.ts';
import { Tick } from './tick.ts';
import { refuseUnknownPaths } from './unknown-path.ts';
import { untrustedProxyCheck } from './untrusted-proxy.ts';

type App = Hono<{ Bindings: HttpBindings }>;

/** What the application depends on, and its limits. */
export interface AppOptions {
  store: Store;
  phones: PhoneParsers;
  /** Calling hours of lead types for which nobody has decided. */
  undecidedHours: CallingHoursSetting;
  log: Log;
  readiness: Pick<Readiness, 'isReady'>;
  onResponse: OnResponse;
  keyLastUsed: Pick<KeyLastUsed, 'record'>;
  rejections: Pick<RejectionCounter, 'count'>;
  dailyQuotas: DailyQuotas;
  /** What requests with test keys use. Undefined: such requests return 503. */
  testData?: TestData | undefined;
  /** Maximum number of requests in flight per key. */
  inFlightPerKey?: number;
  /** Maximum size of the large bodies in flight per key (bytes). */
  bytesInFlightPerKey?: number;
  /** Maximum size of all large bodies in flight (bytes). */
  bytesInFlight?: number;
  /** Rate limit of each key whose partner has no limit set. Undefined: no limit. */
  rateLimit?: RateLimit | undefined;
  /** Maximum number of objections of a partner on one day. */
  objectionsPerDay?: number;
  /** Reverse proxies whose `X-Forwarded-For` is trusted. */
  trustedProxies?: TrustedProxies;
  /** Contact for security reports. Undefined: none. */
  securityContact?: string | undefined;
  /** Contact for partners, as a URL. Undefined: none. */
  supportContact?: string | undefined;
  /**
   * URL at which partners reach the server, without a slash at its end. Undefined: the documents have a placeholder.
   */
  publicUrl?: string | undefined;
  /** Maximum total size of the documents that clients have not read (bytes). */
  maxUnread?: number;
}

/** Default of `objectionsPerDay`. */
const defaultObjectionsPerDay = 1_000;

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
    checkProxy: untrustedProxyCheck(options.trustedProxies ?? [], log),
    authFailures: new AuthFailureLimiter(),
    activeKeys: new ActiveKeyCache(store),
    keyRateLimiter: new KeyRateLimiter(options.rateLimit),
    keyLastUsed: options.keyLastUsed,
    requiredConsent: new RequiredConsent(store),
    inFlight: new InFlightLimiter(options.inFlightPerKey ?? defaultInFlightPerKey),
    bytesInFlight: new BytesInFlight(options.bytesInFlightPerKey, options.bytesInFlight),
    tick: new Tick(),
    log,
    failureLog,
    onResponse,
  };
  const bind = operationBinder(services, options);
  const endpoints = contractEndpoints(contract, phones);
  const operations = bind(options, endpoints);
  const forTests = testEndpoints(options.testData, (opened) => {
    // Lead types of test data have no calling hours.
    const ofTests = { ...opened, phones: withTestNumbers(phones), undecidedHours: 'always' as const };
    return boundOperations(contract, ofTests, opened.rejections, bind);
  });
  for (const endpoint of endpoints) {
    const { operation } = endpoint;
    const pipeline = requestPipeline({
      ...services,
      ...endpoint,
      implementation: implementationOf(operation.id, operations),
      rejections: options.rejections,
      forTests: () => forTests(operation.id),
    });
    app.on(operation.method, operation.path, pipeline);
  }

  const { maxUnread, supportContact, publicUrl } = options;
  addPublicRoutes(app, contract, { readAddress, readiness, maxUnread, supportContact, publicUrl });
  if (securityContact !== undefined) {
    app.get('/.well-known/security.txt', () => securityTxt(securityContact));
  }

  refuseUnknownPaths(app, onResponse, ({ env }) => readAddress(env.incoming));
  // The pipeline handles errors of operations; this handles those of the service's own routes.
  app.onError((error) => serviceFailure(error, failureLog));
  return app;
}

/** What operations are bound to: the live data of a deployment, or its test data. */
type OperationData = Pick<AppOptions, 'store' | 'phones' | 'undecidedHours' | 'dailyQuotas'>;

/** Binds the operations to data. @param endpoints have the rules for requests about these data */
type BindOperations = (data: OperationData, endpoints: readonly ContractEndpoint[]) => Operations;

/** Returns a function that binds the operations to data. */
function operationBinder(
  { requiredConsent }: Pick<PipelineServices, 'requiredConsent'>,
  { log, objectionsPerDay = defaultObjectionsPerDay }: Pick<AppOptions, 'log' | 'objectionsPerDay'>,
): BindOperations {
  return ({ store, phones, undecidedHours, dailyQuotas }, endpoints) => {
    const { operation: bulk } = endpointOf('addLeads', endpoints);
    return createOperations(store, phones, {
      callingRules: new CallingRules(() => store.callingHours(), undecidedHours),
      dailyQuotas,
      rows: rowValidation(endpoints, requiredConsent, ({ notCallable }, { id, partner }) =>
        logNotCallable(notCallable, { requestId: uuidOf(id) }, partner, { operation: bulk, log }),
      ),
      objectionsPerDay,
    });
  };
}

/** Returns the operations that are bound to data, with their rules, by their ids. */
function boundOperations(
  contract: Contract,
  data: OperationData,
  rejections: AppOptions['rejections'],
  bind: BindOperations,
): ReadonlyMap<OperationId, BoundOperation> {
  const endpoints = contractEndpoints(contract, data.phones);
  const operations = bind(data, endpoints);
  return new Map(
    endpoints.map(({ operation: { id }, validate }) => [
      id,
      { validate, implementation: implementationOf(id, operations), rejections },
    ]),
  );
}

function implementationOf(id: OperationId, operations: Operations): Operation<OperationId> {
  // The cast: an operation only receives bodies that pass its own schema, and only returns its own replies.
  return operations[id] as Operation<OperationId>;
}
