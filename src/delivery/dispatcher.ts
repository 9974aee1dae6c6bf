import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AttemptOutcome } from '../leads/attempt.ts';
import { newIdentifier } from '../leads/identifier.ts';
import { defaultRetrySchedule, retryDelay } from '../leads/retry-schedule.ts';
import type { DeliveryPauses } from '../store/delivery-pause.ts';
import type { Attempt, ClaimedLead, Delivery } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { inEarlierTrace } from '../telemetry/tracing.ts';
import { CircuitBreaker, type CircuitBreakerDelays, defaultCircuitBreakerDelays } from './circuit-breaker.ts';
import { DeliveryGate } from './delivery-gate.ts';
import type { DeliveryResult, Dialler } from './dialler.ts';

export interface DispatcherOptions {
  store: Delivery & DeliveryPauses;
  dialler: Dialler;
  log: Log;
  /** How many leads are under way at once, at most. */
  concurrency: number;
  /** How long the dialler may take to answer, in milliseconds. */
  timeout: number;
  /** How late a lead may be rung, in milliseconds; undefined for however late. */
  dialWithin?: number | undefined;
  /** The pauses between one try and the next, in milliseconds. */
  pauses?: readonly number[];
  /** How long a dialler that is down is left alone. */
  circuitBreakerDelays?: CircuitBreakerDelays;
  /** How long `stop` waits for attempts in flight before it ends them (ms). */
  stopPatience?: number;
  /** Is told what is done, for metrics. */
  observer?: DeliveryObserver;
}

/** Is told what is handed over, for metrics. */
export interface DeliveryObserver {
  attempted(ended: { dialler: string; outcome: AttemptOutcome; milliseconds: number }): void;
  tooLate(leads: number): void;
}

/** How the hand-over stands, for whoever watches the server. */
export interface DispatcherStatus {
  dialler: string;
  /** `waiting` for a dialler that is down or busy; `paused` until an operator resumes the delivery. */
  state: 'running' | 'waiting' | 'paused';
  /** Why it does not run, or which lead types are paused while it does. */
  reason?: string;
}

/** The longest sleep, in milliseconds: the clock may be set while it lasts, or another process add a lead. */
const maxSleep = 500;

/**
 * Tries that end within this time are recorded together, and their places are filled together, in
 * milliseconds: a commit for each would hold up the requests of partners.
 */
const gatheringTime = 2;

/** The pause after the store has failed, in milliseconds. */
const storePause = 1_000;

/** What a lease lasts beyond the time that the dialler has to answer, in milliseconds: to record the answer. */
const leaseMargin = 5_000;

/** An attempt in flight that has no answer by then is ended when the server stops, which has ten seconds in all (ms). */
const defaultStopPatience = 7_000;

/** Maximum length of what is stored and logged of an answer, in characters. */
const maxAnswer = 1_000;

const failed = 'A lead failed. `leads lead retry` sends it again.';

const failedUndecided =
  'A lead failed, and the dialler may have it. Find out whether it does, then run `leads lead resolve`.';

const tooLateUndecided =
  'Leads are too late to call (DIAL_WITHIN), and the dialler may have them. Find out whether it does, then run `leads lead resolve`.';

/** By how much the clock must be set back to be worth a word, in milliseconds. */
const clockSetBack = 2_000;

/**
 * Brings each due lead to the dialler: sleeps until the next is due, claims as many as there is room
 * for, hands them over side by side, and records what came of each. Several may run at once, in one
 * process or in many, over one store.
 */
export class Dispatcher {
  readonly #options: Required<Omit<DispatcherOptions, 'dialWithin'>> & { dialWithin: number | undefined };
  readonly #circuit: CircuitBreaker;
  readonly #gate: DeliveryGate;
  /** One for each lead in flight, until it is recorded and its connection is free; aborted to end it. */
  readonly #places = new Set<AbortController>();
  readonly #unrecorded = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  #stopping = false;
  #woken = false;
  #wake = () => {};
  #gathering: Promise<void> | undefined;
  #clockOffset = Date.now() - performance.now();

  /** Begins at once. */
  constructor(options: DispatcherOptions) {
    const { dialler, concurrency } = options;
    this.#options = {
      pauses: defaultRetrySchedule,
      circuitBreakerDelays: defaultCircuitBreakerDelays,
      stopPatience: defaultStopPatience,
      observer: { attempted: () => {}, tooLate: () => {} },
      ...options,
      concurrency: Math.min(concurrency, dialler.maxBurst ?? concurrency),
      dialWithin: options.dialWithin,
    };
    this.#circuit = new CircuitBreaker(this.#options.circuitBreakerDelays);
    this.#gate = new DeliveryGate(options.store, options.log, () => this.#circuit.beginAgain());
    this.#running = this.#run();
  }

  status(): DispatcherStatus {
    const dialler = this.#options.dialler.name;
    const { closedBy, paused } = this.#gate;
    if (closedBy !== undefined) return { dialler, state: 'paused', reason: closedBy };
    const wait = Math.ceil(this.#circuit.waitsFor() / 1_000);
    if (wait === 0) return { dialler, state: 'running', ...(paused !== undefined && { reason: paused }) };
    return { dialler, state: 'waiting', reason: `The dialler does not take leads; next try in ${wait} s.` };
  }

  /**
   * Claims no further lead, and is fulfilled once those in flight have ended and are recorded. It does not wait for a
   * dialler that does not answer, nor for a store that fails.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp();
    const patience = setTimeout(() => this.#endAttempts(), this.#options.stopPatience);
    await this.#running;
    await Promise.all(this.#unrecorded);
    clearTimeout(patience);
    this.#endAttempts();
    await this.#gate
      .save()
      .catch((error) => this.#logStoreFailure(error, 'a pause of the delivery was stored'));
  }

  #endAttempts(): void {
    for (const place of this.#places) place.abort(new DOMException('The server stops.', 'AbortError'));
  }

  async #run(): Promise<void> {
    const stopListening = this.#options.store.onChange(() => this.#wakeUp());
    while (!this.#stopping) {
      const pause = await this.#claimAndDeliver();
      if (pause > 0) await this.#sleep(pause);
    }
    stopListening();
  }

  /** One turn. Gives how long to sleep before the next, in milliseconds. */
  async #claimAndDeliver(): Promise<number> {
    this.#watchClock();
    this.#woken = false;
    try {
      await this.#gate.refresh();
      const limit = this.#circuit.allowance(this.#options.concurrency) - this.#places.size;
      if (this.#gate.closedBy !== undefined) return maxSleep;
      if (limit <= 0) return Math.min(maxSleep, this.#circuit.waitsFor() || maxSleep);
      const next = await this.#options.store.nextAttemptAt();
      const pause = (next ?? Number.POSITIVE_INFINITY) - Date.now();
      return pause > 0 ? Math.min(maxSleep, pause) : await this.#deliverNext(limit);
    } catch (error) {
      this.#logStoreFailure(error, 'due leads were claimed');
      return storePause;
    }
  }

  /** Claims up to `limit` leads and begins to hand them over. Gives how long to sleep then, in milliseconds. */
  async #deliverNext(limit: number): Promise<number> {
    const { store, log, timeout, dialWithin, observer } = this.#options;
    const claim = newIdentifier();
    const lease = timeout + leaseMargin;
    const notDueBefore = dialWithin === undefined ? 0 : Date.now() - dialWithin;
    const { leads, tooLate, undecided } = await store.claimDue({ claim, limit, lease, notDueBefore });
    if (tooLate > 0) {
      observer.tooLate(tooLate);
      log.warn({ leads: tooLate }, 'Leads were too old to be rung (DIAL_WITHIN)');
    }
    if (undecided > 0) log.error({ leads: undecided }, tooLateUndecided);
    for (const lead of leads) {
      this.#begin(claim, lead);
      // To begin twenty at once would keep partners waiting for milliseconds.
      await nextTurn();
    }
    return leads.length + tooLate === 0 ? maxSleep : 0;
  }

  #begin(claim: string, lead: ClaimedLead): void {
    const place = new AbortController();
    const timer = setTimeout(
      () => place.abort(new DOMException('The dialler did not answer in time.', 'TimeoutError')),
      this.#options.timeout,
    );
    const startedAt = Date.now();
    const attempt = this.#try(lead, place.signal);
    const recorded = attempt
      .then((result) => this.#settle(claim, lead, startedAt, result))
      .catch((error) =>
        this.#options.log.error({ err: error, lead: lead.id }, 'An attempt was not recorded.'),
      )
      .finally(() => this.#unrecorded.delete(recorded));
    this.#places.add(place);
    this.#unrecorded.add(recorded);
    void Promise.allSettled([recorded, attempt.then(({ finished }) => finished)]).then(() => {
      clearTimeout(timer);
      this.#places.delete(place);
      this.#wakeUp();
    });
  }

  /** Fulfilled once the attempt is recorded. */
  async #settle(
    claim: string,
    lead: ClaimedLead,
    startedAt: number,
    { response: whole, ...result }: DeliveryResult,
  ): Promise<void> {
    const { dialler, observer } = this.#options;
    const endedAt = Date.now();
    const response = whole.slice(0, maxAnswer);
    const nextAttemptAt = this.#followUp(lead, { ...result, response }, endedAt);
    const { outcome } = result;
    observer.attempted({ dialler: dialler.name, outcome, milliseconds: endedAt - startedAt });
    await this.#record(claim, { leadId: lead.id, startedAt, endedAt, outcome, response }, nextAttemptAt);
  }

  #try(lead: ClaimedLead, signal: AbortSignal): Promise<DeliveryResult> {
    const { dialler } = this.#options;
    const about = { 'leads.lead': lead.id, 'leads.dialler': dialler.name, 'leads.attempt': lead.attempts };
    const describe = ({ outcome }: DeliveryResult) => ({ 'leads.outcome': outcome });
    return inEarlierTrace(lead.trace, 'deliver', about, () => this.#responseOf(lead, signal), describe);
  }

  async #responseOf(lead: ClaimedLead, signal: AbortSignal): Promise<DeliveryResult> {
    const { dialler, log } = this.#options;
    try {
      return await dialler.deliver(lead, signal);
    } catch (error) {
      log.error({ err: error, lead: lead.id }, `The dialler ${dialler.name} failed in a way it should not.`);
      return { outcome: 'unknown', response: 'the hand-over failed; the log says why' };
    }
  }

  /** Heeds and tells what came of a try. Gives when the lead is tried again; undefined for never. */
  #followUp(lead: ClaimedLead, result: DeliveryResult, endedAt: number): number | undefined {
    const { log, pauses } = this.#options;
    const { outcome, response, retryAfter } = result;
    const about = { lead: lead.id, type: lead.type, partner: lead.partner, attempt: lead.attempts, response };
    const hasAnswered = outcome === 'delivered' || outcome === 'rejected';
    if (hasAnswered) this.#circuit.succeeded();
    else this.#circuit.failed(retryAfter);
    if (result.pauseReason !== undefined) {
      this.#gate.close(result.pauseReason);
      this.#wakeUp();
    }

    if (outcome === 'delivered') {
      if (result.incomplete) log.warn(about, 'Handed over, but not all of it');
      else log.info(about, 'Handed over');
      return undefined;
    }
    const pause = outcome === 'rejected' ? undefined : retryDelay(lead.attempts, retryAfter, pauses);
    if (pause === undefined) {
      const mayHaveArrived = lead.mayHaveArrived || outcome === 'unknown';
      log.error(about, mayHaveArrived ? failedUndecided : failed);
      return undefined;
    }
    log.warn(
      { ...about, outcome, pause: Math.round(pause / 1_000) },
      'A lead was not handed over; it is tried again',
    );
    return endedAt + pause;
  }

  /** A try that is not recorded would be made again, so it is kept until the store takes it. */
  async #record(claim: string, ended: Attempt, nextAttemptAt: number | undefined): Promise<void> {
    const { store, log } = this.#options;
    await this.#gathered();
    for (;;) {
      try {
        await store.recordAttempt(claim, ended, nextAttemptAt);
        return;
      } catch (error) {
        log.error({ err: error, lead: ended.leadId }, 'The store failed while a hand-over was recorded.');
        if (this.#stopping) return;
        await new Promise((resolve) => setTimeout(resolve, storePause));
      }
    }
  }

  #logStoreFailure(error: unknown, what: string): void {
    this.#options.log.error({ err: error }, `The store failed while ${what}; it is tried again.`);
  }

  /** Fulfilled for all that wait at the same moment. */
  #gathered(): Promise<void> {
    this.#gathering ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#gathering = undefined;
        resolve();
      }, gatheringTime);
    });
    return this.#gathering;
  }

  /** Due times are times of day: after the clock was set back leads wait until it has caught up. */
  #watchClock(): void {
    const offset = Date.now() - performance.now();
    const back = this.#clockOffset - offset;
    this.#clockOffset = offset;
    if (back < clockSetBack) return;
    const seconds = Math.round(back / 1_000);
    this.#options.log.warn(`The clock was set back by ${seconds} s: leads that were due wait for as long.`);
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#woken || this.#stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }
}
