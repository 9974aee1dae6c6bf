import { type ParsePhone, phoneParsers } from '../leads/phone.ts';
import { withTestNumbers } from '../leads/test-numbers.ts';
import { RecentValue } from '../limits/recent-value.ts';
import { PartnerUsageCounter } from '../server/partner-usage.ts';
import { RejectionCounter } from '../server/rejections.ts';
import type { OpenTestData, TestData } from '../server/test-endpoints.ts';
import { DirectoryMirror } from '../simulation/directory-mirror.ts';
import { startSimulation } from '../simulation/simulation.ts';
import { type SimulationTimes, simulationTimes, testRetention } from '../simulation/simulation-times.ts';
import type { Store } from '../store/store.ts';
import { StoreUnavailable } from '../store/store-unavailable.ts';
import type { Log } from '../telemetry/log.ts';
import type { Config } from './config.ts';
import { RegularMaintenance } from './maintenance.ts';
import { stopAll } from './shutdown.ts';
import { openTestStore } from './test-store.ts';

/** Interval at which the open store is checked without a request (ms). */
const checkInterval = 5_000;

/** Time for which a failure to open the store is reported before the next attempt (ms). */
const retryInterval = 5_000;

/** How test leads are simulated. */
export interface SimulationSettings {
  times: SimulationTimes;
  /** Whether the life of each test lead is logged; otherwise only with LOG_LEVEL=debug. */
  isLogged?: boolean;
}

/** The parts that exist once the store is open. */
interface OpenParts extends OpenTestData {
  mirror: DirectoryMirror;
  /** Why the store cannot be used any more, such as because it was replaced; undefined: it can. */
  failure: RecentValue<unknown>;
  stop(): Promise<void>;
}

/**
 * The test data of a server. Their store is opened for the first request with a test key, or once the server has
 * started if there is such a key: a server without test keys never creates it. If it was lost or replaced since, it is
 * opened again.
 */
export class ServerTestData implements TestData {
  readonly #config: Config;
  readonly #live: Store;
  readonly #log: Log;
  readonly #settings: SimulationSettings;
  #opening: Promise<OpenParts> | undefined;
  #stopping: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    config: Config,
    live: Store,
    log: Log,
    settings: SimulationSettings = { times: simulationTimes() },
  ) {
    this.#config = config;
    this.#live = live;
    this.#log = log;
    this.#settings = settings;
  }

  async open(): Promise<OpenTestData> {
    await this.#discardUnusable();
    const opened = await this.#opened();
    await opened.mirror.refreshed();
    return opened;
  }

  /** Opens the store in the background if there is a test key, so that leads that are due are delivered. */
  async resume(): Promise<void> {
    try {
      if (await hasTestKey(this.#live)) await this.#opened();
    } catch (error) {
      this.#log.warn({ err: error }, 'The test data are not available; the next request tries again.');
    }
  }

  /** Ends what is in progress, and closes the store. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.stop();
  }

  /** Checks the open store, and opens it again, so that leads that are due are delivered. */
  async #check(): Promise<void> {
    if (await this.#discardUnusable()) await this.resume();
  }

  /** Ends the use of a store that was lost or replaced, so that it is opened again. Returns whether it was. */
  async #discardUnusable(): Promise<boolean> {
    const opening = this.#opening;
    const opened = await opening?.catch(() => undefined);
    const failure = await opened?.failure.current();
    if (opened === undefined || failure === undefined) return false;
    if (this.#opening !== opening || this.#stopping !== undefined) return false;
    this.#opening = undefined;
    this.#log.warn(
      { err: failure, test: true },
      'The store of test data was lost or replaced, or cannot be reached; it is opened again. Live leads are not affected.',
    );
    // Nothing waits for it, because what it cannot save belongs to the lost store.
    void opened.stop().catch(() => {});
    return true;
  }

  #opened(): Promise<OpenParts> {
    if (this.#stopping !== undefined) throw new StoreUnavailable('The server is stopping.');
    this.#opening ??= this.#start().catch((error: unknown) => {
      setTimeout(() => {
        this.#opening = undefined;
      }, retryInterval).unref();
      throw unavailable(error);
    });
    return this.#opening;
  }

  async #start(): Promise<OpenParts> {
    const store = await openTestStore(this.#config);
    try {
      await store.checkReady();
      const parts = await startParts(store, this.#config, this.#live, this.#log, this.#settings);
      this.#timer ??= setInterval(() => void this.#check(), checkInterval).unref();
      return parts;
    } catch (error) {
      await store.close();
      throw error;
    }
  }
}

async function startParts(
  store: Store,
  { defaultCountry, phonePolicy }: Config,
  live: Store,
  log: Log,
  settings: SimulationSettings,
): Promise<OpenParts> {
  const parsePhone: ParsePhone = withTestNumbers(phoneParsers(defaultCountry, phonePolicy)).parse;
  const ofTests = log.child({ test: true }, { msgPrefix: 'Test data: ' });
  const dailyQuotas = await PartnerUsageCounter.start(store, ofTests);
  const rejections = new RejectionCounter(store, ofTests);
  const simulation = await startSimulation({ ...settings, store, parsePhone, log });
  const maintenance = new RegularMaintenance(store, testRetention, ofTests);
  log.info('The store of test data is open.');
  return {
    store: simulation.store,
    dailyQuotas,
    rejections,
    mirror: new DirectoryMirror(live, store),
    failure: new RecentValue(() => failureOf(store)),
    stop: async () => {
      await stopAll([simulation, maintenance]);
      await stopAll([dailyQuotas, rejections]);
      await store.close();
    },
  };
}

/** Returns why a store cannot be used; undefined: it can. */
function failureOf(store: Pick<Store, 'checkReady'>): Promise<unknown> {
  return store.checkReady().then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function hasTestKey(live: Pick<Store, 'keys'>): Promise<boolean> {
  for await (const { isTest, state } of live.keys(undefined)) if (isTest && state === 'active') return true;
  return false;
}

/** The reply to requests with test keys is 503, whatever the reason is. */
function unavailable(error: unknown): StoreUnavailable {
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailable(`Test data cannot be used. ${reason}`, { cause: error });
}
