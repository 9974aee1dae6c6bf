import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { type Contract, readContract } from '../contract/document.ts';
import type { OperationId } from '../contract/reply.ts';
import { validators } from '../contract/validation.ts';
import type { ReadPhone } from '../leads/phone.ts';
import type { Operation } from '../operations/operation.ts';
import { createOperations } from '../operations/operations.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { endpointHandler } from './endpoint.ts';
import { type HandOffStatus, healthz, readyz } from './health.ts';
import { InFlight } from './in-flight.ts';
import { docs, toDocs } from './page.ts';
import { newRequestId, serviceFailure } from './respond.ts';
import { refuseUnknownAddresses } from './unknown-address.ts';

export interface AppParts {
  store: Store;
  readPhone: ReadPhone;
  log: Log;
  /** How due leads get to the dialler. */
  handOff: () => HandOffStatus;
  /** How many requests of one key may be under way at once. */
  inFlightPerKey?: number;
}

const defaultInFlightPerKey = 1_000;

/** The HTTP application: a route for each operation of the contract, and the service's own. */
export function createApp(parts: AppParts) {
  const { store, readPhone, log, handOff, inFlightPerKey = defaultInFlightPerKey } = parts;
  const app = new Hono<{ Bindings: HttpBindings }>();
  const contract = readContract();
  const operations = createOperations(store, readPhone);
  const validatorOf = validators(contract, readPhone);
  const inFlight = new InFlight(inFlightPerKey);

  for (const operation of contract.operations) {
    const handler = endpointHandler({
      contract: operation,
      // The cast: an operation gets only bodies that keep its own schema, and gives only its own replies.
      operation: operations[operation.id] as Operation<OperationId>,
      validate: validatorOf(operation),
      intake: store,
      inFlight,
      log,
    });
    app.on(operation.method, operation.path, handler);
  }
  app.get('/healthz', () => healthz());
  app.get('/readyz', () => readyz(store, handOff, log));
  serveContract(app, contract);
  app.get('/docs', () => docs());
  app.get('/', () => toDocs());

  refuseUnknownAddresses(app);
  // The operations answer for their own failures; what comes here is the service's.
  app.onError((error) => serviceFailure(error, log));
  return app;
}

/** The contract itself: as it is written (RFC 9512 names the type), and dereferenced as JSON. */
function serveContract(app: Hono<{ Bindings: HttpBindings }>, contract: Contract): void {
  const serve = (path: string, type: string, text: string) =>
    app.get(
      path,
      () => new Response(text, { headers: { 'Content-Type': type, 'Request-Id': newRequestId() } }),
    );
  serve('/openapi.yaml', 'application/yaml', contract.yaml);
  serve('/openapi.json', 'application/json', contract.json);
}
