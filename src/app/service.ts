import { Dispatcher } from '../delivery/dispatcher.ts';
import { ConfigError } from '../environment/variables.ts';
import { phoneParsers } from '../leads/phone.ts';
import { createApp } from '../server/app.ts';
import { type RunningServer, startHttpServer } from '../server/http-server.ts';
import { KeyLastUsed } from '../server/key-last-used.ts';
import { type DeliveryStatus, metricsApp, type ServerStatus } from '../server/metrics.ts';
import { Readiness } from '../server/readiness.ts';
import { unobserved } from '../store/observer.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { type Log, logWritten } from '../telemetry/log.ts';
import type { Backlog, Metrics } from '../telemetry/metrics.ts';
import { type OnResponse, requestLog } from '../telemetry/requests.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { BacklogReader } from './backlog.ts';
import { bootstrap, type FirstPartner } from './bootstrap.ts';
import { watchClock } from './clock-skew.ts';
import type { Config } from './config.ts';
import { RegularMaintenance } from './maintenance.ts';
import { drainUntil, shutDown, shutdownTimeout } from './shutdown.ts';

/** A server that listens, over its store. */
export interface Service {
  /** An address that can be pasted on this machine. */
  address: string;
  store: Store;
  /** What an empty store was begun with, where it was. */
  first: FirstPartner | undefined;
  /** Answers what is in progress, then closes the store. Ends within ten seconds, whatever the other sides do. */
  stop(): Promise<void>;
}

/** Wires the parts together and starts to listen. @throws where the store or the address cannot be had */
export async function startService(config: Config, log: Log): Promise<Service> {
  const stopTracing = await startTracing(process.env);
  const metrics =
    config.metrics &&
    (await loadMetrics(
      () => backlog.read(),
      () => readiness.isReady,
    ));
  const store = await openStore(
    config.databaseUrl,
    config.databaseConnections,
    watchClock(metrics?.store ?? unobserved, log),
  );
  const first = config.bootstrap ? await bootstrap(store) : undefined;
  const backlog = new BacklogReader(store, log);
  const readiness = new Readiness(store, log);
  await readiness.start();
  let dispatcher: Dispatcher | undefined;
  const status = () => ({
    ready: readiness.isReady,
    reason: readiness.reason,
    delivery: handOffStatus(config, dispatcher),
  });
  const onResponse = notifyBoth(requestLog(log), metrics?.answered);
  const keyLastUsed = new KeyLastUsed(store, log);
  const { host, port, rateLimit, trustedProxies, securityContact, connectionsPerAddress } = config;
  const limits = { rateLimit, trustedProxies, securityContact };
  const app = createApp({
    store,
    phones: phoneParsers(config.defaultCountry, config.phonePolicy),
    log,
    readiness,
    onResponse,
    keyLastUsed,
    ...limits,
  });
  const listening = { host, port, log, onResponse, trustedProxies, connectionsPerAddress };
  const server = await startHttpServer(app, listening);
  const metricsServer =
    metrics && config.metrics && (await startMetrics(metrics, status, config.metrics, log));
  const upkeep = new RegularMaintenance(store, log);
  dispatcher = startDispatcher(config, store, log, metrics);
  return {
    address: `http://${reachable(server.host)}:${server.port}`,
    store,
    first,
    stop: () => {
      readiness.stop();
      const parts = [server, dispatcher, upkeep, metricsServer];
      return shutDown(
        [
          {
            name: 'a request or a delivery attempt',
            until: drainUntil,
            run: () => Promise.all(parts.map((part) => part?.stop())),
          },
          {
            name: 'recording when keys were last used',
            until: drainUntil + 300,
            run: () => keyLastUsed.stop(),
          },
          { name: 'closing the store', until: shutdownTimeout - 200, run: () => store.close() },
          { name: 'sending the last traces', until: shutdownTimeout, run: stopTracing },
        ],
        log,
      );
    },
  };
}

/** Metrics are loaded only where they are read: a start without them is a tenth of a second shorter. */
async function loadMetrics(
  backlog: () => Promise<Backlog | undefined>,
  isReady: () => boolean,
): Promise<Metrics> {
  const { Metrics } = await import('../telemetry/metrics.ts');
  return new Metrics(backlog, isReady);
}

/** Prometheus needs one connection. */
const maxMetricsConnections = 100;

async function startMetrics(
  metrics: Metrics,
  status: () => ServerStatus,
  at: { host: string; port: number },
  log: Log,
): Promise<RunningServer> {
  const app = metricsApp(metrics, status, log);
  const server = await startHttpServer(app, { ...at, log, maxConnections: maxMetricsConnections });
  log.info(`Metrics are read from http://${reachable(server.host)}:${server.port}/metrics`);
  return server;
}

function notifyBoth(one: OnResponse, other: OnResponse | undefined): OnResponse {
  if (other === undefined) return one;
  return (request) => {
    one(request);
    other(request);
  };
}

function startDispatcher(
  config: Config,
  store: Store,
  log: Log,
  metrics: Metrics | undefined,
): Dispatcher | undefined {
  const { dispatch, dialler, diallerConcurrency, diallerTimeout, dialWithin } = config;
  if (!dispatch) {
    log.info('No lead is handed over by this process (DISPATCH=off).');
    return undefined;
  }
  if (dialler === undefined) {
    log.warn('No lead is handed over (DIALLER=none): due leads wait until `leads due --take` fetches them.');
    return undefined;
  }
  log.info(`Due leads are handed over (DIALLER=${dialler.name}).`);
  const limits = { concurrency: diallerConcurrency, timeout: diallerTimeout, dialWithin };
  return new Dispatcher({ store, dialler, log, ...limits, ...(metrics && { observer: metrics.delivery }) });
}

function handOffStatus({ dispatch, dialler }: Config, dispatcher: Dispatcher | undefined): DeliveryStatus {
  if (dispatcher !== undefined) return dispatcher.status();
  const reason = dispatch
    ? 'Due leads wait until `leads due --take` fetches them.'
    : 'Another process hands leads over.';
  return { dialler: dialler?.name ?? 'none', state: 'off', reason };
}

/**
 * The signal that asks the process to stop. It is heeded from this call on, so make it before the start.
 * Further signals change nothing: a Ctrl-C comes twice, from the terminal and from npm.
 */
export function signalToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve);
  });
}

/** Runs a program, then ends the process; if it cannot start, reports why in a sentence and exits with 1. */
export async function runOrExplain(program: () => Promise<void>): Promise<void> {
  try {
    await program();
    await logWritten();
    // Whatever was left behind has sockets and timers that would keep the process.
    process.exit();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const isPlain = error instanceof ConfigError;
    process.stderr.write(isPlain ? `${message}\n` : `The server did not start: ${message}\n`);
    process.exit(1);
  }
}

/** A command that adds a lead when it is pasted. */
export function firstLead({ type, key }: FirstPartner, address: string): string {
  return `curl '${address}/lead/add?key=${key}' \\
    -H 'Content-Type: application/json' \\
    -d '{"email":"john.doe@test.com","first_name":"John","surname":"Doe","mobile":"07840258823","type":"${type}"}'`;
}

/** Where the server listens on all addresses of the machine, one of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
