import { setImmediate as endOfTick } from 'node:timers/promises';
import type { AttemptOutcome } from '../leads/attempt.ts';
import type { DeliveryBasis } from '../leads/delivery-basis.ts';
import { newIdentifier } from '../leads/identifier.ts';
import { defaultRetrySchedule, retryDelay } from '../leads/retry-schedule.ts';
import type { DeliveryGaps } from '../store/delivery-gaps.ts';
import type { DeliveryPauses } from '../store/delivery-pause.ts';
import type { DuplicateChecks } from '../store/duplicate-checks.ts';
import type { ClaimedLead, Delivery } from '../store/store.ts';
import { maxStartDelay, type Suppressions } from '../store/suppressions.ts';
import type { Log } from '../telemetry/log.ts';
import { AttemptMaker, type AttemptResult } from './attempt-maker.ts';
import { AttemptRecorder, type TooLate } from './attempt-recorder.ts';
import { CircuitBreaker, type CircuitBreakerDelays, defaultCircuitBreakerDelays } from './circuit-breaker.ts';
import { ClaimFilter } from './claim-filter.ts';
import { DeliverableTimes } from './deliverable-times.ts';
import type { DeliveryResult, Dialler, DiallerPause } from './dialler.ts';
import { DuplicateChecker, duplicatesFound } from './duplicate-checks.ts';
import { PauseTracker } from './pause-tracker.ts';
import type { DeliveryPermission, Permitted } from './permission.ts';
import { SettlingLeads } from './settling-leads.ts';
import type { DiallerState } from './withdrawals.ts';

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

/** Observes deliveries, for metrics. */
export interface DeliveryObserver {
  onAttempt(attempt: { dialler: string; outcome: AttemptOutcome; milliseconds: number }): void;
  /** @param leads number of leads that will not be called because DIAL_WITHIN has passed */
  onTooLate(leads: number): void;
}

/** When an attempt started: by the clock, and by `performance.now()`, because the clock may be changed meanwhile. */
interface AttemptStart {
  at: number;
  on: number;
  /** Whether the lead was sent during a pause, to find out whether its cause was corrected. */
  isTrial: boolean;
  basis: DeliveryBasis | undefined;
}

/** State of delivery, as operators see it. */
export interface DispatcherStatus {
  dialler: string;
  /** `waiting` for a dialler that is down or busy, or for the store; `paused` until an operator resumes delivery. */
  state: 'running' | 'waiting' | 'paused';
  /** Why nothing is delivered, or which lead types are paused while others are delivered. */
  reason?: string;
}

/** Maximum sleep (ms), because the clock may change or another process may add a lead meanwhile. */
const maxSleep = 500;

/** Delay after the store has failed (ms). */
const storeRetryInterval = 1_000;

/** Time without a response of the store after which the dispatcher reports that it waits for it (ms). */
const maxStoreDelay = 30_000;

/**
 * Time by which a lease outlasts an attempt, so that its result can be recorded (ms). Up to `maxStartDelay` of it has passed
 * when the attempt starts.
 */
const leaseMargin = 5_000;

/**
 * Maximum number of leads in a claim. Their attempts start one for each tick of the event loop, which can take ten
 * milliseconds under load, and all of them should start before the lease must be renewed.
 */
const maxClaimed = 100;

/** Default of `drainTimeout` (ms); the process has ten seconds to stop. */
const defaultDrainTimeout = 7_000;

/** Maximum length of a response that is stored and logged (characters). */
const maxResponseLength = 1_000;

/** Minimum time by which the clock must be set back or forward for the dispatcher to notice (ms). */
const minClockStep = 2_000;

const failed = 'Delivery failed. Run `leads lead retry` to send the lead again.';

const failedFinally =
  'Delivery failed. The dialler would reject the lead again: do not send it again unless you have removed the reason.';

const failedUndecided =
  'Delivery failed, and the dialler may have the lead. Check the dialler, then run `leads lead resolve`.';

const tooLateUndecided =
  'Leads are past DIAL_WITHIN, and the dialler may have them. Check the dialler, then run `leads lead resolve`.';

/**
 * Delivers due leads. It sleeps until the next lead is due, claims leads until `concurrency` are in flight, sends them
 * concurrently and records the results. Several dispatchers can share a store, in one process or in many.
 */
export class Dispatcher {
  readonly #options: Required<Omit<DispatcherOptions, 'dialWithin'>> & { dialWithin: number | undefined };
  readonly #circuit: CircuitBreaker;
  readonly #pauses: PauseTracker;
  readonly #recorder: AttemptRecorder;
  readonly #settling: SettlingLeads;
  readonly #filter: ClaimFilter;
  /** Undefined: there is no DIAL_WITHIN, so that it does not matter when leads can be delivered. */
  readonly #deliverable: DeliverableTimes | undefined;
  readonly #attempts: AttemptMaker;
  readonly #duplicates: DuplicateChecker;
  /** One for each attempt, until it is recorded and its connection is free. Aborting it ends the attempt. */
  readonly #inFlight = new Set<AbortController>();
  readonly #unrecorded = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #isStopping = false;
  #isWoken = false;
  #endSleep = () => {};
  #clockOffset = Date.now() - performance.now();
  /** Whether the last claim failed. */
  #hasStoreFailed = false;
  /** When the claim in progress began (`performance.now()`); undefined: none is in progress. */
  #claimBegan: number | undefined;
  /** Attempts that were in flight when the clock was set forward: to the store, their leases may have ended. */
  #inFlightAtStep: readonly AbortController[] = [];

  /** Starts delivering immediately. */
  constructor(options: DispatcherOptions) {
    const { dialler, concurrency, store, log } = options;
    this.#options = {
      retrySchedule: defaultRetrySchedule,
      circuitBreakerDelays: defaultCircuitBreakerDelays,
      drainTimeout: defaultDrainTimeout,
      observer: { onAttempt: () => {}, onTooLate: () => {} },
      ...options,
      concurrency: Math.min(concurrency, dialler.maxConcurrency ?? concurrency),
      dialWithin: options.dialWithin,
    };
    this.#circuit = new CircuitBreaker(this.#options.circuitBreakerDelays);
    this.#pauses = new PauseTracker(store, log, () => this.#circuit.reset());
    this.#recorder = new AttemptRecorder(store, log);
    this.#deliverable =
      options.dialWithin === undefined ? undefined : new DeliverableTimes(store, this.#options.timeout);
    this.#settling = new SettlingLeads(dialler.maxRuntime ?? 0);
    this.#filter = new ClaimFilter({
      permission: options.permission,
      settling: this.#settling,
      recorder: this.#recorder,
      log,
    });
    this.#attempts = new AttemptMaker({ dialler, store, log });
    this.#duplicates = new DuplicateChecker({ dialler, store, log, timeout: this.#options.timeout });
    this.#running = this.#run();
  }

  /** What withdrawals share with deliveries. */
  get diallerState(): DiallerState {
    return {
      circuit: this.#circuit,
      pauses: this.#pauses,
      settling: this.#settling,
      hasUncertainLeases: () => {
        this.#checkClock();
        return this.#hasUncertainLeases();
      },
    };
  }

  /** Whether attempts are in flight whose leases may seem to have ended, because the clock was set forward. */
  #hasUncertainLeases(): boolean {
    return this.#inFlightAtStep.some((attempt) => this.#inFlight.has(attempt));
  }

  /** Returns the state of delivery. */
  status(): DispatcherStatus {
    const dialler = this.#options.dialler.name;
    const { reasonAllPaused, description } = this.#pauses;
    if (reasonAllPaused !== undefined) return { dialler, state: 'paused', reason: reasonAllPaused };
    const reason = this.#storeProblem() ?? this.#diallerProblem();
    if (reason !== undefined) return { dialler, state: 'waiting', reason };
    return { dialler, state: 'running', ...(description !== undefined && { reason: description }) };
  }

  /** Why the store delays delivery (a sentence); undefined: it does not. */
  #storeProblem(): string | undefined {
    const delay = performance.now() - (this.#claimBegan ?? Number.POSITIVE_INFINITY);
    if (delay >= maxStoreDelay) return `The store has not responded for ${Math.round(delay / 1_000)} s.`;
    return this.#hasStoreFailed ? 'The store failed while claiming due leads. See the log.' : undefined;
  }

  /** Why the dialler delays delivery (a sentence); undefined: it does not. */
  #diallerProblem(): string | undefined {
    const delay = Math.ceil(this.#circuit.remainingDelay() / 1_000);
    if (delay > 0) return `The dialler is unavailable; next attempt in ${delay} s.`;
    return this.#circuit.isDown ? 'The last attempt failed; one lead is sent at a time.' : undefined;
  }

  /**
   * Stops claiming leads. Resolves once the attempts in flight have ended and are recorded, or could not be recorded
   * because the store fails. A dialler that does not respond, or a store that fails, delays it by at most
   * `drainTimeout`.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const checked = this.#duplicates.stop();
    let isDrained = false;
    const timer = setTimeout(() => {
      isDrained = true;
      this.#recorder.stop();
      this.#abortAttempts();
    }, this.#options.drainTimeout);
    await this.#running;
    // If the store responded to the last claim after the drain timeout, its attempts have only just begun.
    if (isDrained) this.#abortAttempts();
    await Promise.all([...this.#unrecorded, checked]);
    clearTimeout(timer);
    this.#abortAttempts();
    await this.#pauses
      .save()
      .catch((error) => this.#options.log.error({ err: error }, 'A delivery pause was not saved.'));
  }

  #abortAttempts(): void {
    const reason = new DOMException('The server is stopping.', 'AbortError');
    for (const attempt of this.#inFlight) attempt.abort(reason);
  }

  async #run(): Promise<void> {
    const unsubscribe = this.#options.store.onChange(() => this.#wake());
    while (!this.#isStopping) {
      this.#claimBegan = performance.now();
      const delay = await this.#claimAndDeliver();
      this.#claimBegan = undefined;
      if (delay > 0) await this.#sleep(delay);
    }
    unsubscribe();
  }

  /** Starts the deliveries that are possible now. Returns how long to sleep afterwards (ms). */
  async #claimAndDeliver(): Promise<number> {
    this.#checkClock();
    this.#isWoken = false;
    try {
      await this.#pauses.refresh();
      if (this.#pauses.isBlocked) return maxSleep;
      if (this.#hasUncertainLeases()) return maxSleep;
      const limit = this.#circuit.allowance(this.#options.concurrency) - this.#inFlight.size;
      if (limit <= 0) return Math.min(maxSleep, this.#circuit.remainingDelay() || maxSleep);
      if (!this.#circuit.isDown) await this.#deliverable?.record();
      const next = await this.#options.store.nextAttemptAt();
      const delay = (next ?? Number.POSITIVE_INFINITY) - Date.now();
      const sleep = delay > 0 ? Math.min(maxSleep, delay) : await this.#claim(Math.min(limit, maxClaimed));
      this.#hasStoreFailed = false;
      return sleep;
    } catch (error) {
      this.#hasStoreFailed = true;
      this.#options.log.error({ err: error }, 'The store failed while claiming due leads; retrying.');
      return storeRetryInterval;
    }
  }

  /** Claims up to `limit` leads and starts to deliver them. Returns how long to sleep afterwards (ms). */
  async #claim(limit: number): Promise<number> {
    const { store } = this.#options;
    const claim = newIdentifier();
    const lease = this.#lease();
    const claimedAt = performance.now();
    const exceptTypes = this.#circuit.failedTypes;
    // The permission decides which leads are too late to call.
    const terms = { claim, limit, lease, earliestDueAt: 0, exceptTypes };
    const { leads } = await store.claimDue(terms);
    const { permitted, tooLate } = await this.#filter.sendable(claim, leads);
    this.#reportTooLate(tooLate);
    await this.#startAll(claim, permitted, claimedAt);
    if (leads.length > 0) return 0;
    if (exceptTypes.length === 0) return maxSleep;
    // Only leads of types that have failed are due.
    this.#circuit.forgetFailedTypes();
    return 0;
  }

  /** Returns those leads of a claim that may still be sent, because the calling hours may have ended meanwhile. */
  async #stillPermitted(
    claim: string,
    leads: readonly Permitted<ClaimedLead>[],
  ): Promise<Permitted<ClaimedLead>[]> {
    if (leads.length === 0) return [];
    const { permitted, tooLate } = await this.#filter.sendable(
      claim,
      leads.map(({ lead }) => lead),
    );
    this.#reportTooLate(tooLate);
    const before = new Map(leads.map((each) => [each.lead.id, each]));
    // What was left out before is not in the lead any more.
    return permitted.map((each) => ({ ...before.get(each.lead.id), ...each }));
  }

  #reportTooLate({ expired, undecided }: TooLate): void {
    const { log, observer } = this.#options;
    const tooLate = expired.length + undecided.length;
    if (tooLate > 0) observer.onTooLate(tooLate);
    if (expired.length > 0) {
      log.warn({ leads: expired }, 'Leads are past DIAL_WITHIN and will not be delivered.');
    }
    if (undecided.length > 0) log.error({ leads: undecided }, tooLateUndecided);
  }

  /**
   * Returns the time for which a claim holds a lead (ms): that of an attempt, and what the dialler may do afterwards.
   */
  #lease(): number {
    const { timeout, dialler } = this.#options;
    return timeout + (dialler.maxRuntime ?? 0) + leaseMargin;
  }

  /**
   * Starts the attempts of a claim. If the store responded late, or the process was suspended, the lease could end
   * during an attempt, and a person may have objected since: the lease is renewed first, and leads that another process
   * has claimed meanwhile, or whose people objected, are left out. While the store takes too long to renew a lease,
   * nothing is sent.
   *
   * @param claimedAt when the claim was sent to the store (`performance.now()`)
   */
  async #startAll(
    claim: string,
    claimed: readonly Permitted<ClaimedLead>[],
    claimedAt: number,
  ): Promise<void> {
    let [leads, since, isRenewed] = [claimed, claimedAt, false];
    for (;;) {
      const [lead, ...others] = leads;
      if (lead === undefined) return;
      if (performance.now() - since <= maxStartDelay) {
        this.#start(claim, lead);
        leads = others;
        // Starting all in one tick would delay partners' requests by milliseconds.
        await endOfTick();
      } else if (isRenewed && this.#isStopping) {
        for (const { lead } of leads) await this.#recorder.release(claim, [lead.id], Date.now());
        return;
      } else {
        since = performance.now();
        isRenewed = true;
        leads = await this.#stillPermitted(claim, await this.#renewLease(claim, leads));
      }
    }
  }

  /**
   * Renews the lease of leads, and retries while the store fails. Returns the leads that the claim still holds. A stop
   * ends the retries; it does not prevent the first renewal, because a lead that is not sent would seem to have been.
   */
  async #renewLease(
    claim: string,
    leads: readonly Permitted<ClaimedLead>[],
  ): Promise<Permitted<ClaimedLead>[]> {
    const { store, log } = this.#options;
    const ids = leads.map(({ lead }) => lead.id);
    do {
      try {
        const held = new Set(await store.renewLease(claim, ids, this.#lease()));
        // Those that the claim still holds are in the do-not-call list; the others are not changed.
        await this.#filter.suppress(
          claim,
          ids.filter((id) => !held.has(id)),
        );
        return leads.filter(({ lead }) => held.has(lead.id));
      } catch (error) {
        log.error({ err: error }, 'The store failed while claiming due leads; retrying.');
        this.#isWoken = false;
        await this.#sleep(storeRetryInterval);
      }
    } while (!this.#isStopping);
    return [];
  }

  /** Starts an attempt, whose result is handled when it ends. */
  #start(claim: string, { lead, leftOut, basis }: Permitted<ClaimedLead>): void {
    const { timeout, log } = this.#options;
    const controller = new AbortController();
    const timer = setTimeout(
      () => controller.abort(new DOMException('The dialler did not respond in time.', 'TimeoutError')),
      timeout,
    );
    const start = { at: Date.now(), on: performance.now(), isTrial: this.#pauses.isTrial(lead.type), basis };
    const attempt = this.#attempts.make(lead, controller.signal);
    const recorded = attempt
      .then((result) => this.#complete(claim, lead, start, withLeftOut(result, leftOut)))
      .catch((error) => log.error({ err: error, lead: lead.id }, 'A delivery attempt was not recorded.'))
      .finally(() => this.#unrecorded.delete(recorded));
    this.#inFlight.add(controller);
    this.#unrecorded.add(recorded);
    const released = attempt.then(({ connectionReleased }) => connectionReleased);
    void Promise.allSettled([recorded, released]).then(() => {
      clearTimeout(timer);
      this.#inFlight.delete(controller);
      this.#wake();
    });
  }

  /** Handles the result of an attempt: applies, logs, counts and records it. */
  async #complete(claim: string, lead: ClaimedLead, start: AttemptStart, full: AttemptResult): Promise<void> {
    const { dialler, observer } = this.#options;
    const endedAt = Date.now();
    const milliseconds = performance.now() - start.on;
    const all = [full.response, full.duplicates].filter((each) => each !== undefined).join('; ');
    const result = { ...full, response: all.slice(0, maxResponseLength) };
    const { outcome, response, wasAbsent } = result;
    observer.onAttempt({ dialler: dialler.name, outcome, milliseconds });
    await this.#applyResult(lead, result, start.isTrial);
    if (isUncounted(result)) {
      await this.#recorder.release(claim, [lead.id], Date.now());
      return;
    }
    const delay = this.#delayUntilNextAttempt(lead, result);
    this.#logResult(lead, result, delay);
    await this.#recorder.record(
      claim,
      {
        leadId: lead.id,
        startedAt: start.at,
        endedAt,
        outcome,
        response,
        ...(wasAbsent !== undefined && { wasAbsent }),
        ...(start.basis !== undefined && { basis: JSON.stringify(start.basis) }),
      },
      delay === undefined ? undefined : endedAt + delay,
    );
  }

  /** Updates the circuit breaker and the pauses. */
  async #applyResult(lead: ClaimedLead, result: DeliveryResult, isTrial: boolean): Promise<void> {
    const { outcome, retryAfter, pause } = result;
    const isAccepted = outcome === 'delivered' || outcome === 'rejected';
    // A dialler that pauses a single type responds, and accepts other types.
    if (isAccepted || pause?.isOfType) this.#circuit.recordSuccess();
    else this.#circuit.recordFailure(lead.type, retryAfter);
    if (outcome === 'unknown') this.#settling.add(lead.id);
    if (pause !== undefined) await this.#pause(lead, pause);
    else if (isAccepted && isTrial) await this.#endTrials(lead);
  }

  /** Pauses delivery. Stores the pause before its lead can be claimed again. */
  async #pause(lead: ClaimedLead, { reason, isOfType, retryAfter }: DiallerPause): Promise<void> {
    this.#pauses.pause({
      type: isOfType ? lead.type : undefined,
      reason,
      ...(retryAfter !== undefined && { retryAt: Date.now() + retryAfter }),
    });
    // If that fails, the next claim saves the pause first, and reports the failure.
    await this.#pauses.save().catch(() => {});
    this.#wake();
  }

  async #endTrials({ type }: ClaimedLead): Promise<void> {
    try {
      await this.#pauses.endTrials(type);
    } catch (error) {
      this.#options.log.error({ err: error }, 'The end of a delivery pause was not saved.');
    }
  }

  /** Returns the delay before the next attempt (ms); undefined: there is none. */
  #delayUntilNextAttempt(
    lead: ClaimedLead,
    { outcome, retryAfter = 0, pause }: DeliveryResult,
  ): number | undefined {
    if (outcome === 'delivered' || outcome === 'rejected') return undefined;
    const { dialler, retrySchedule } = this.#options;
    const runtime = outcome === 'unknown' ? (dialler.maxRuntime ?? 0) : 0;
    const minimum = Math.max(retryAfter, runtime);
    const delay = retryDelay(lead.attemptNumber, minimum, retrySchedule);
    const isUntilResumed = pause !== undefined && pause.retryAfter === undefined;
    // The pause delays the lead. Once an operator ends it, the lead is due.
    return delay !== undefined && isUntilResumed ? minimum : delay;
  }

  #logResult(lead: ClaimedLead, result: AttemptResult, delay: number | undefined): void {
    const { log } = this.#options;
    const { outcome, response } = result;
    const fields = {
      lead: lead.id,
      type: lead.type,
      partner: lead.partner,
      attempt: lead.attemptNumber,
      response,
    };
    if (result.duplicates !== undefined) log.error(fields, duplicatesFound);
    if (outcome === 'delivered') {
      if (result.incomplete) log.warn(fields, 'A lead was delivered without some of its data.');
      else log.info(fields, 'A lead was delivered.');
    } else if (delay === undefined) {
      const mayHaveArrived = (lead.mayHaveArrived && !result.wasAbsent) || outcome === 'unknown';
      if (mayHaveArrived) log.error(fields, failedUndecided);
      else log.error(fields, result.isFinal ? failedFinally : failed);
    } else {
      const nextAttemptInSeconds = Math.round(delay / 1_000);
      log.warn(
        { ...fields, outcome, nextAttemptInSeconds },
        'A delivery attempt failed; the lead will be retried.',
      );
    }
  }

  /**
   * Logs if the clock was set back: due times follow the clock, so leads are then delivered later. If it was set
   * forward, nothing is claimed until the attempts in flight have ended, so that no lead is sent twice at once.
   */
  #checkClock(): void {
    const offset = Date.now() - performance.now();
    const step = offset - this.#clockOffset;
    this.#clockOffset = offset;
    if (step >= minClockStep) this.#inFlightAtStep = [...this.#inFlight];
    if (step > -minClockStep) return;
    const seconds = Math.round(-step / 1_000);
    this.#options.log.warn(
      `The clock was set back by ${seconds} s. Due leads are delivered that much later.`,
    );
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#isWoken || this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wake(): void {
    this.#isWoken = true;
    this.#endSleep();
  }
}

/** Adds to a result what was left out of the lead, for the record of the attempt. */
function withLeftOut(result: AttemptResult, leftOut: string | undefined): AttemptResult {
  return leftOut === undefined ? result : { ...result, response: `${result.response}; ${leftOut}` };
}

/** Whether an attempt does not count: its lead was not sent, or was refused, because of a pause that ends by itself. */
function isUncounted({ outcome, pause }: DeliveryResult): boolean {
  return outcome === 'unavailable' && pause?.retryAfter !== undefined;
}
