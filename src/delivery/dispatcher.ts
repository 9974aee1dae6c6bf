import { newIdentifier } from '../leads/identifier.ts';
import { defaultRetrySchedule } from '../leads/retry-schedule.ts';
import type { Delivery } from '../store/delivery.ts';
import type { DeliveryGaps } from '../store/delivery-gaps.ts';
import type { DeliveryPauses } from '../store/delivery-pauses.ts';
import type { DuplicateChecks } from '../store/duplicate-checks.ts';
import type { Suppressions } from '../store/suppressions.ts';
import type { Log } from '../telemetry/log.ts';
import { defaultDrainTimeout, leaseMargin, maxSleep, storeRetryInterval } from './attempt-limits.ts';
import { AttemptMaker } from './attempt-maker.ts';
import { AttemptRecorder } from './attempt-recorder.ts';
import { AttemptsInFlight } from './attempts-in-flight.ts';
import { CircuitBreaker, type CircuitBreakerDelays, defaultCircuitBreakerDelays } from './circuit-breaker.ts';
import { ClaimFilter } from './claim-filter.ts';
import { ClaimSender } from './claim-sender.ts';
import { ClockWatch } from './clock-watch.ts';
import { DeliverableTimes } from './deliverable-times.ts';
import type { DeliveryObserver } from './delivery-observer.ts';
import type { Dialler } from './dialler.ts';
import type { DiallerState } from './dialler-state.ts';
import { type DispatcherStatus, dispatcherStatus } from './dispatcher-status.ts';
import { DuplicateChecker } from './duplicate-checks.ts';
import { PauseTracker } from './pause-tracker.ts';
import type { DeliveryPermission } from './permission.ts';
import { ResultHandler } from './result-handler.ts';
import { SettlingLeads } from './settling-leads.ts';
import { Sleeper } from './sleeper.ts';
import { WaitingBacklog } from './waiting-backlog.ts';

/** What the dispatcher depends on, and its limits. */
export interface DispatcherOptions {
  store: Delivery &
    DeliveryPauses &
    DuplicateChecks &
    Pick<Suppressions, 'suppressClaimed'> &
    Pick<DeliveryGaps, 'endTooLate' | 'recordDeliverable'>;
  dialler: Dialler;
  /** Decides which claimed leads are delivered. */
  permission: DeliveryPermission;
  log: Log;
  /** Maximum number of leads in flight. */
  concurrency: number;
  /** Maximum time of an attempt (ms). */
  timeout: number;
  /** Maximum delay of a call after its due time (ms); undefined: no limit. */
  dialWithin?: number | undefined;
  /** Delays between consecutive attempts (ms). */
  retrySchedule?: readonly number[];
  circuitBreakerDelays?: CircuitBreakerDelays;
  /** Time after which `stop` aborts the attempts in flight (ms). */
  drainTimeout?: number;
  observer?: DeliveryObserver;
}

/**
 * Maximum number of leads in a claim. Their attempts start one for each tick of the event loop, which can take ten
 * milliseconds under load, and all of them should start before the lease must be renewed.
 */
const maxClaimed = 100;

/** Counts nothing. */
const unobserved: DeliveryObserver = {
  onAttempt: () => {},
  onTooLate: () => {},
  onWithdrawalReopened: () => {},
};

/**
 * Delivers due leads. It sleeps until the next lead is due, claims leads until `concurrency` are in flight, sends them
 * concurrently and records the results. Several dispatchers can share a store, in one process or in many.
 */
export class Dispatcher {
  readonly #store: DispatcherOptions['store'];
  readonly #log: Log;
  readonly #dialler: Dialler;
  readonly #concurrency: number;
  readonly #drainTimeout: number;
  /** Time for which a claim holds a lead (ms): that of an attempt, and what the dialler may do afterwards. */
  readonly #lease: number;
  readonly #sleeper = new Sleeper();
  readonly #circuit: CircuitBreaker;
  readonly #pauses: PauseTracker;
  readonly #recorder: AttemptRecorder;
  readonly #inFlight: AttemptsInFlight;
  readonly #clock: ClockWatch;
  readonly #permission: DeliveryPermission;
  readonly #filter: ClaimFilter;
  readonly #sender: ClaimSender;
  readonly #backlog: WaitingBacklog;
  /** Undefined: there is no DIAL_WITHIN, so that it does not matter when leads can be delivered. */
  readonly #deliverable: DeliverableTimes | undefined;
  readonly #duplicates: DuplicateChecker;
  readonly #running: Promise<void>;
  /** What withdrawals share with deliveries. */
  readonly diallerState: DiallerState;
  /** Whether the last claim failed. */
  #hasStoreFailed = false;
  /** When the claim in progress began (`performance.now()`); undefined: none is in progress. */
  #claimBegan: number | undefined;

  /** Starts delivering immediately. */
  constructor(options: DispatcherOptions) {
    const { store, dialler, log, permission, timeout, dialWithin, observer = unobserved } = options;
    const { concurrency, drainTimeout = defaultDrainTimeout, retrySchedule = defaultRetrySchedule } = options;
    this.#store = store;
    this.#log = log;
    this.#dialler = dialler;
    this.#permission = permission;
    this.#concurrency = concurrency;
    this.#drainTimeout = drainTimeout;
    this.#lease = timeout + (dialler.maxRuntime ?? 0) + leaseMargin;
    this.#circuit = new CircuitBreaker(options.circuitBreakerDelays ?? defaultCircuitBreakerDelays);
    this.#pauses = new PauseTracker(store, log, {
      onResume: () => this.#circuit.reset(),
      onDiallerResume: () => dialler.requests?.resume(),
    });
    this.#inFlight = new AttemptsInFlight(timeout);
    this.#clock = new ClockWatch(this.#inFlight, log);
    const settling = new SettlingLeads(dialler.maxRuntime ?? 0);
    this.diallerState = this.#stateWith(settling);
    this.#recorder = new AttemptRecorder(store, log);
    const shared = { log, observer, recorder: this.#recorder };
    this.#filter = new ClaimFilter({ ...shared, permission, settling });
    this.#backlog = new WaitingBacklog(store, permission);
    const results = { ...shared, dialler, state: this.diallerState, retrySchedule };
    this.#sender = new ClaimSender({
      ...shared,
      store,
      attempts: new AttemptMaker({ dialler, store, log }),
      inFlight: this.#inFlight,
      filter: this.#filter,
      pauses: this.#pauses,
      results: new ResultHandler({ ...results, onPause: () => this.#sleeper.wake() }),
      sleeper: this.#sleeper,
      lease: this.#lease,
    });
    this.#deliverable = dialWithin === undefined ? undefined : new DeliverableTimes(store, timeout);
    this.#duplicates = new DuplicateChecker({ dialler, store, pauses: this.#pauses, log, timeout });
    this.#running = this.#run();
  }

  #stateWith(settling: SettlingLeads): DiallerState {
    return {
      circuit: this.#circuit,
      pauses: this.#pauses,
      settling,
      hasUncertainLeases: () => {
        this.#clock.check();
        return this.#clock.hasUncertainLeases;
      },
    };
  }

  /** Returns the state of delivery. */
  status(): DispatcherStatus {
    return dispatcherStatus({
      dialler: this.#dialler.name,
      circuit: this.#circuit,
      pauses: this.#pauses,
      permission: this.#permission,
      claimBegan: this.#claimBegan,
      hasStoreFailed: this.#hasStoreFailed,
    });
  }

  /**
   * Stops claiming leads. Resolves once the attempts in flight have ended and are recorded, or could not be recorded
   * because the store fails. A dialler that does not respond, or a store that fails, delays it by at most
   * `drainTimeout`.
   */
  async stop(): Promise<void> {
    this.#sleeper.stop();
    const checked = this.#duplicates.stop();
    let isDrained = false;
    const timer = setTimeout(() => {
      isDrained = true;
      this.#recorder.stop();
      this.#inFlight.abort();
    }, this.#drainTimeout);
    await this.#running;
    // If the store responded to the last claim after the drain timeout, its attempts have only just begun.
    if (isDrained) this.#inFlight.abort();
    await Promise.all([this.#sender.recorded(), checked]);
    clearTimeout(timer);
    this.#inFlight.abort();
    await this.#pauses
      .save()
      .catch((error) => this.#log.error({ err: error }, 'A delivery pause was not saved.'));
  }

  async #run(): Promise<void> {
    const unsubscribe = this.#store.onChange(() => this.#sleeper.wake());
    while (!this.#sleeper.isStopped) {
      this.#claimBegan = performance.now();
      const delay = await this.#claimAndDeliver();
      this.#claimBegan = undefined;
      if (delay > 0) await this.#sleeper.sleep(delay);
    }
    unsubscribe();
  }

  /** Starts the deliveries that are possible now. Returns how long to sleep afterwards (ms). */
  async #claimAndDeliver(): Promise<number> {
    this.#clock.check();
    this.#sleeper.expectChanges();
    try {
      await this.#pauses.refresh();
      if (this.#pauses.isBlocked) return maxSleep;
      if (this.#clock.hasUncertainLeases) return maxSleep;
      const { maxConcurrency = this.#concurrency } = this.#dialler;
      const allowance = this.#circuit.allowance(Math.min(this.#concurrency, maxConcurrency));
      const limit = allowance - this.#inFlight.size;
      if (limit <= 0) return Math.min(maxSleep, this.#circuit.remainingDelay() || maxSleep);
      if (!this.#circuit.isDown) await this.#deliverable?.record();
      const next = await this.#store.nextAttemptAt();
      const delay = (next ?? Number.POSITIVE_INFINITY) - Date.now();
      const sleep = delay > 0 ? Math.min(maxSleep, delay) : await this.#claim(Math.min(limit, maxClaimed));
      this.#hasStoreFailed = false;
      return sleep;
    } catch (error) {
      this.#hasStoreFailed = true;
      this.#log.error({ err: error }, 'The store failed while claiming due leads; retrying.');
      return storeRetryInterval;
    }
  }

  /** Claims up to `limit` leads and starts to deliver them. Returns how long to sleep afterwards (ms). */
  async #claim(limit: number): Promise<number> {
    const claim = newIdentifier();
    const claimedAt = performance.now();
    const exceptTypes = this.#circuit.failedTypes;
    const leads = await this.#store.claimDue({ claim, limit, lease: this.#lease, exceptTypes });
    const { permitted, waiting } = await this.#filter.sendable(claim, leads);
    await this.#sender.send(claim, permitted, claimedAt);
    await this.#backlog.postponeAfter({ limit, claimed: leads.length, waiting });
    if (leads.length > 0) return 0;
    if (exceptTypes.length === 0) return maxSleep;
    // Only leads of types that have failed are due.
    this.#circuit.forgetFailedTypes();
    return 0;
  }
}
