import { presetFor } from '../leads/calling-hours/presets.ts';
import { phoneParsers } from '../leads/phone.ts';
import { createApp } from '../server/app.ts';
import { type RunningServer, startHttpServer } from '../server/http-server.ts';
import { KeyLastUsed } from '../server/key-last-used.ts';
import type { DeliveryStatus, ServerStatus } from '../server/metrics.ts';
import { PartnerUsageCounter } from '../server/partner-usage.ts';
import { Readiness } from '../server/readiness.ts';
import { RejectionCounter } from '../server/rejections.ts';
import { type StoreObserver, unobserved } from '../store/observer.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics/metrics.ts';
import { type OnResponse, requestLog } from '../telemetry/requests.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { nameCommands } from '../text/command-name.ts';
import { ActivePartners, findPartnerProblem } from './active-partners.ts';
import { bootstrap, type FirstPartner, isBootstrapWanted } from './bootstrap.ts';
import { watchClock } from './clock-skew.ts';
import type { Config } from './config.ts';
import { deliveryStatus, type RunningDelivery, startDelivery } from './delivery.ts';
import { startDiallerCheck } from './dialler-check.ts';
import { describeSynchronised, erasureTools, synchroniseErasures } from './erasures.ts';
import { EvidenceKeeper } from './evidence-keeper.ts';
import { LeadMetricsReader } from './lead-metrics.ts';
import { RegularMaintenance } from './maintenance.ts';
import { loadMetrics, startMetricsServer } from './metrics-server.ts';
import { startWebhookSender } from './partner-webhooks.ts';
import { startResultsServer } from './results-server.ts';
import { agreeOnSettings } from './settings.ts';
import { drainUntil, type ShutdownStep, shutDown, shutdownTimeout, stopAll } from './shutdown.ts';
import { openConfiguredStore } from './store.ts';
import { type LoadedKeys, loadStoreKeys, requireKeysOfDigests } from './store-keys.ts';
import { ServerTestData, type SimulationSettings } from './test-data.ts';
import { reportUndecidedHours } from './undecided-hours.ts';
import { urlOf } from './url.ts';

/** A running server with its store. */
export interface Service {
  /** A URL at which this machine reaches the server. */
  url: string;
  /** Undefined: the store was not empty. */
  firstPartner: FirstPartner | undefined;
  /** Completes the requests and deliveries in progress, then closes the store. Takes up to ten seconds. */
  stop(): Promise<void>;
}

/** The parts of a service that are stopped with it. */
interface Parts {
  store: Store;
  readiness: Readiness;
  keyLastUsed: KeyLastUsed;
  rejections: RejectionCounter;
  dailyQuotas: PartnerUsageCounter;
  server: RunningServer;
  metricsServer: RunningServer | undefined;
  resultsServer: RunningServer | undefined;
  maintenance: RegularMaintenance;
  evidence: { stop(): Promise<void> };
  delivery: RunningDelivery | undefined;
  diallerCheck: { stop(): Promise<void> };
  testData: ServerTestData;
  webhooks: { stop(): Promise<void> } | undefined;
  stopTracing: () => Promise<void>;
}

/** What differs in a sandbox. */
export interface ServiceOptions {
  /** How test leads are simulated. Undefined: as usual. */
  simulation?: SimulationSettings;
  /** Whether the key of the first partner is a test key. */
  hasTestKey?: boolean;
}

/**
 * Starts the server, delivery, metrics and maintenance.
 *
 * @throws {Error} if the store cannot be opened or a port is not free
 */
export async function startService(
  config: Config,
  log: Log,
  { simulation, hasTestKey = false }: ServiceOptions = {},
): Promise<Service> {
  const stopTracing = await startTracing(process.env);
  let delivery: RunningDelivery | undefined;
  // The metrics are created before `leadMetrics`, `readiness` and `store`, which they read, because they also observe
  // the store.
  const metrics =
    config.metrics &&
    (await loadMetrics(
      () => leadMetrics.read(),
      () => readiness.isReady,
      () => store.waiting(),
      () => deliveryStatus(config, delivery).state,
    ));
  const observer = watchClock(metrics?.store ?? unobserved, log);
  const { store, keys, isBootstrapped } = await prepareStore(config, observer, log);
  const leadMetrics = new LeadMetricsReader(store, log);
  const readiness = new Readiness(store, log);
  await readiness.start();

  const counters = await startCounters(store, log);
  const testData = new ServerTestData(config, store, log, simulation);
  const server = await startLeadServer({ store, readiness, ...counters, testData }, config, log, metrics);
  const status = serverStatus(readiness, new ActivePartners(store), () => deliveryStatus(config, delivery));
  const metricsServer =
    metrics && config.metrics && (await startMetricsServer(metrics, status, config.metrics, log));
  const onReport = config.results && metrics?.resultsObserver();
  const resultsServer = await startResultsServer(config, store, log, onReport);
  // After the ports are open: if the server cannot start, nobody sees the key of the first partner.
  const firstPartner = await addFirstPartner(store, isBootstrapped, hasTestKey, log);
  const maintenance = new RegularMaintenance(store, config.evidenceRetention, log);
  const evidence = keepEvidence(store, keys, config, log);
  // Last, so that no lead is delivered if the server cannot start.
  delivery = startDelivery(config, store, log, metrics);
  const diallerCheck = startDiallerCheck(config, store, log);
  void testData.resume();
  const webhooks = startWebhookSender(config, store, keys.keys, log, metrics);

  const parts = {
    store,
    readiness,
    ...counters,
    server,
    metricsServer,
    resultsServer,
    maintenance,
    evidence,
    delivery,
    diallerCheck,
    testData,
    webhooks,
    stopTracing,
  };
  return { url: urlOf(server), firstPartner, stop: () => stopService(parts, log) };
}

/** Opens the store, and brings it to the state in which requests can be accepted. @throws {Error} if that fails */
async function prepareStore(
  config: Config,
  observer: StoreObserver,
  log: Log,
): Promise<{ store: Store; keys: LoadedKeys; isBootstrapped: boolean }> {
  // A missing store may be a volume that is not mounted: it is only created in a trial, or if that is wanted.
  const isBootstrapped = isBootstrapWanted(config.bootstrap, config.isDatabaseUrlDefault);
  const schema = isBootstrapped ? 'prepare' : 'migrate';
  const store = await openConfiguredStore(config, { observer, schema });
  await agreeOnSettings(store, config, log);
  const keys = await loadKeys(store, config, log);
  await applyErasuresOfLog(store, config, log);
  await reportUndecidedHours(store, config.defaultCountry, log);
  return { store, keys, isBootstrapped };
}

/** Starts what counts the requests of partners and saves the counts regularly. */
async function startCounters(
  store: Store,
  log: Log,
): Promise<Pick<Parts, 'keyLastUsed' | 'rejections' | 'dailyQuotas'>> {
  return {
    keyLastUsed: new KeyLastUsed(store, log),
    rejections: new RejectionCounter(store, log),
    dailyQuotas: await PartnerUsageCounter.start(store, log),
  };
}

/** Returns a function that reports the state of the server, for `/status`. */
function serverStatus(
  readiness: Readiness,
  activePartners: ActivePartners,
  delivery: () => DeliveryStatus,
): () => Promise<ServerStatus> {
  return async () => ({
    ready: readiness.isReady,
    reason: readiness.reason && nameCommands(readiness.reason),
    partners: nameCommands((await activePartners.problem()) ?? '') || undefined,
    delivery: delivery(),
  });
}

/** Begins to build the chain of evidence, unless the key of the store is missing: the next start with it adds the rest. */
function keepEvidence(
  store: Store,
  { keys, recorded }: LoadedKeys,
  config: Config,
  log: Log,
): { stop(): Promise<void> } {
  if (keys === undefined && recorded.length > 0) return { stop: () => Promise.resolve() };
  const { parse: parsePhone } = phoneParsers(config.defaultCountry);
  return new EvidenceKeeper({ store, keys, parsePhone, log });
}

/** Loads the keys of the store, and logs what is wrong with them. @throws {UserError} if people are not recognised */
async function loadKeys(store: Store, config: Config, log: Log): Promise<LoadedKeys> {
  const loaded = await loadStoreKeys(config, store);
  await requireKeysOfDigests(store, loaded);
  if (loaded.problem !== undefined) log.warn(loaded.problem);
  return loaded;
}

/** Erases people again whom a restored store contains. A failure does not prevent the start: the next one repeats it. */
async function applyErasuresOfLog(store: Store, config: Config, log: Log): Promise<void> {
  try {
    const tools = erasureTools(config, store, config.defaultCountry);
    const described = describeSynchronised(await synchroniseErasures(store, tools));
    if (described !== undefined) log.warn(described);
  } catch (error) {
    log.error(
      { err: error },
      'The erasure log could not be applied to the store; the next start repeats it.',
    );
  }
}

/**
 * Adds a first partner to an empty store if that is wanted. Otherwise, logs why every request is rejected, if it is.
 */
async function addFirstPartner(
  store: Store,
  isWanted: boolean,
  hasTestKey: boolean,
  log: Log,
): Promise<FirstPartner | undefined> {
  const first = isWanted ? await bootstrap(store, hasTestKey) : undefined;
  if (first !== undefined) return first;
  const problem = await findPartnerProblem(store);
  if (problem !== undefined) log.warn(problem);
  return undefined;
}

/** Starts the server that partners use. */
function startLeadServer(
  parts: Pick<Parts, 'store' | 'readiness' | 'keyLastUsed' | 'rejections' | 'dailyQuotas' | 'testData'>,
  config: Config,
  log: Log,
  metrics: Metrics | undefined,
): Promise<RunningServer> {
  const { host, port, rateLimit, objectionsPerDay, trustedProxies, connectionsPerAddress } = config;
  const { securityContact, supportContact, publicUrl } = config;
  const phones = phoneParsers(config.defaultCountry, config.phonePolicy);
  const onResponse = combine(requestLog(log), metrics?.onResponse);
  const shown = { securityContact, supportContact, publicUrl };
  const undecidedHours = presetFor(config.defaultCountry);
  const app = createApp({
    ...parts,
    phones,
    undecidedHours,
    log,
    onResponse,
    rateLimit,
    objectionsPerDay,
    trustedProxies,
    ...shown,
  });
  const settings = { host: 'HOST', port: 'PORT' };
  return startHttpServer(app, {
    host,
    port,
    settings,
    log,
    onResponse,
    trustedProxies,
    connectionsPerAddress,
  });
}

/** Combines two handlers, of which the second is optional. */
function combine(first: OnResponse, second: OnResponse | undefined): OnResponse {
  if (second === undefined) return first;
  return (request) => {
    first(request);
    second(request);
  };
}

/** Stops a service. */
function stopService(parts: Parts, log: Log): Promise<void> {
  parts.readiness.stop();
  return shutDown(shutdownSteps(parts), log);
}

/** Returns the steps that stop the parts of a service, each part before those that it depends on. */
export function shutdownSteps(parts: Omit<Parts, 'readiness'>): ShutdownStep[] {
  const {
    store,
    keyLastUsed,
    rejections,
    dailyQuotas,
    server,
    metricsServer,
    resultsServer,
    maintenance,
    evidence,
    delivery,
    diallerCheck,
    testData,
    webhooks,
    stopTracing,
  } = parts;
  return [
    {
      name: 'a request or a delivery attempt',
      until: drainUntil,
      run: () =>
        stopAll([
          server,
          resultsServer,
          delivery,
          diallerCheck,
          webhooks,
          maintenance,
          evidence,
          metricsServer,
        ]),
    },
    {
      name: 'saving key uses and counts',
      until: drainUntil + 300,
      run: () => stopAll([keyLastUsed, rejections, dailyQuotas]),
    },
    { name: 'closing the store of test data', until: drainUntil + 600, run: () => testData.stop() },
    { name: 'closing the store', until: shutdownTimeout - 200, run: () => store.close() },
    { name: 'sending the last traces', until: shutdownTimeout, run: stopTracing },
  ];
}
