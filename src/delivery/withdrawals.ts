import { newIdentifier } from '../leads/identifier.ts';
import { defaultRetrySchedule, retryDelay } from '../leads/retry-schedule.ts';
import type { WithdrawalAttemptOutcome } from '../leads/withdrawal.ts';
import type { ClaimedWithdrawal, Withdrawals } from '../store/withdrawals.ts';
import type { Log } from '../telemetry/log.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { Dialler, DiallerPause, WithdrawalResult } from './dialler.ts';
import type { PauseTracker } from './pause-tracker.ts';
import type { SettlingLeads } from './settling-leads.ts';

/** What deliveries and withdrawals share: both respect the state of the dialler, and both change it. */
export interface DiallerState {
  circuit: CircuitBreaker;
  pauses: PauseTracker;
  settling: SettlingLeads;
  /** Whether the clock was set forward during attempts in flight, so that their leases may seem to have ended. */
  hasUncertainLeases(): boolean;
}

/** What the withdrawer depends on, and its limits. */
export interface WithdrawerOptions {
  store: Withdrawals;
  dialler: Dialler;
  log: Log;
  state: DiallerState;
  /** Maximum number of deliveries in flight; the withdrawer adds up to a quarter of it. */
  concurrency: number;
  /** Maximum time of an attempt (ms). */
  timeout: number;
  /** Delays between consecutive attempts (ms). */
  retrySchedule?: readonly number[];
  /** Time after which `stop` aborts the attempts in flight (ms). */
  drainTimeout?: number;
  observer?: WithdrawalObserver;
}

/** Observes withdrawals, for metrics. */
export interface WithdrawalObserver {
  onWithdrawalAttempt(attempt: { dialler: string; outcome: WithdrawalAttemptOutcome }): void;
}

/** Maximum sleep (ms), because the clock may change or another process may request a withdrawal meanwhile. */
const maxSleep = 500;

/** Delay after the store has failed (ms). */
const storeRetryInterval = 1_000;

/** Time by which a lease outlasts an attempt, so that its result can be recorded (ms). */
const leaseMargin = 5_000;

/** Part of the margin that must be left when an attempt starts (ms). */
const minLeaseMargin = 3_000;

/** Default of `drainTimeout` (ms); the process has ten seconds to stop. */
const defaultDrainTimeout = 7_000;

/** Maximum length of a response that is stored and logged (characters). */
const maxResponseLength = 1_000;

/** Maximum number of withdrawals in a claim. */
const maxClaimed = 100;

const failed =
  'A lead was not withdrawn, and no attempts are left. Remove it at the dialler, then run `leads withdrawal resolve`.';

/**
 * Withdraws leads from the dialler: claims the withdrawals that are due, and asks the dialler to remove their leads.
 * Several processes can share a store. A dialler that is down gets no more requests than the circuit breaker allows.
 */
export class Withdrawer {
  readonly #options: Required<WithdrawerOptions>;
  /** By the id of the lead. Aborting one ends the attempt. */
  readonly #inFlight = new Map<string, AbortController>();
  readonly #unrecorded = new Set<Promise<void>>();
  readonly #concurrency: number;
  readonly #running: Promise<void>;
  /** Current margin of a lease (ms): longer after the store has responded late. */
  #margin = leaseMargin;
  #isStopping = false;
  #isDrained = false;
  #isWoken = false;
  /** Each ends a sleep. */
  readonly #sleeps = new Set<() => void>();

  /** Starts withdrawing immediately. */
  constructor(options: WithdrawerOptions) {
    this.#options = {
      retrySchedule: defaultRetrySchedule,
      drainTimeout: defaultDrainTimeout,
      observer: { onWithdrawalAttempt: () => {} },
      ...options,
    };
    this.#concurrency = withdrawalConcurrency(options.dialler.maxConcurrency ?? options.concurrency);
    this.#running = this.#run();
  }

  /**
   * Stops claiming withdrawals. Resolves once the attempts in flight have ended and are recorded, or could not be
   * recorded because the store fails: they are then repeated. Takes at most `drainTimeout` longer than the store.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    const timer = setTimeout(() => this.#abort(), this.#options.drainTimeout);
    await this.#running;
    if (this.#isDrained) this.#abort();
    await Promise.all(this.#unrecorded);
    clearTimeout(timer);
  }

  #abort(): void {
    this.#isDrained = true;
    const reason = new DOMException('The server is stopping.', 'AbortError');
    for (const attempt of this.#inFlight.values()) attempt.abort(reason);
    for (const end of this.#sleeps) end();
  }

  async #run(): Promise<void> {
    const { store, log } = this.#options;
    const unsubscribe = store.onWithdrawal(() => this.#wake());
    while (!this.#isStopping) {
      this.#isWoken = false;
      let delay: number;
      try {
        delay = await this.#claimAndStart();
      } catch (error) {
        log.error({ err: error }, 'The store failed while claiming withdrawals; retrying.');
        delay = storeRetryInterval;
      }
      if (delay > 0 && !this.#isWoken && !this.#isStopping) await this.#sleep(delay);
    }
    unsubscribe();
  }

  /** Starts the withdrawals that are possible now. Returns how long to sleep afterwards (ms). */
  async #claimAndStart(): Promise<number> {
    const { store, state, dialler } = this.#options;
    if (state.hasUncertainLeases()) return maxSleep;
    const { circuit } = state;
    const limit =
      dialler.cancel === undefined ? maxClaimed : circuit.allowance(this.#concurrency) - this.#inFlight.size;
    if (limit <= 0) return Math.min(maxSleep, circuit.remainingDelay() || maxSleep);
    const next = await store.nextWithdrawalAt();
    const delay = (next ?? Number.POSITIVE_INFINITY) - Date.now();
    if (delay > 0) return Math.min(maxSleep, delay);
    return this.#claim(limit);
  }

  /** Claims up to `limit` withdrawals and starts them. Returns how long to sleep afterwards (ms). */
  async #claim(limit: number): Promise<number> {
    const { store, dialler, timeout, state } = this.#options;
    const claim = newIdentifier();
    const margin = this.#margin;
    const claimedAt = performance.now();
    const lease = timeout + (dialler.maxRuntime ?? 0) + margin;
    const claimed = await store.claimWithdrawals({ claim, limit, lease });
    const elapsed = performance.now() - claimedAt;
    this.#margin = leaseMargin + 2 * Math.ceil(elapsed);
    // A lease that is about to end, or a pause that is not stored yet.
    const isLate = margin - elapsed < minLeaseMargin;
    for (const withdrawal of claimed) {
      const settling = withdrawal.dialledAt === null ? state.settling.remaining(withdrawal) : 0;
      if (isLate || state.pauses.isBlocked) await this.#release(claim, withdrawal, 0);
      else if (settling > 0) await this.#release(claim, withdrawal, settling);
      else if (this.#inFlight.has(withdrawal.id)) await this.#release(claim, withdrawal, timeout);
      else this.#start(claim, withdrawal);
    }
    return claimed.length === 0 ? maxSleep : 0;
  }

  #release(claim: string, { id }: ClaimedWithdrawal, delay: number): Promise<void> {
    const notBefore = Math.ceil(Date.now() + delay);
    return this.#save(id, () => this.#options.store.releaseWithdrawals(claim, [id], notBefore));
  }

  /** Starts an attempt, whose result is handled when it ends. */
  #start(claim: string, withdrawal: ClaimedWithdrawal): void {
    const { timeout, log } = this.#options;
    const { id } = withdrawal;
    const controller = new AbortController();
    const timer = setTimeout(
      () => controller.abort(new DOMException('The dialler did not respond in time.', 'TimeoutError')),
      timeout,
    );
    this.#inFlight.set(id, controller);
    const isTrial = this.#options.state.pauses.isTrial(withdrawal.type);
    const recorded = this.#attempt(withdrawal, controller.signal)
      .then((result) => this.#complete(claim, withdrawal, result, isTrial))
      .catch((error) =>
        log.error({ err: error, lead: id }, 'An attempt to withdraw a lead was not recorded.'),
      )
      .finally(() => {
        clearTimeout(timer);
        this.#inFlight.delete(id);
        this.#unrecorded.delete(recorded);
        this.#wake();
      });
    this.#unrecorded.add(recorded);
  }

  async #attempt(withdrawal: ClaimedWithdrawal, signal: AbortSignal): Promise<WithdrawalResult> {
    const { dialler, log } = this.#options;
    try {
      const attempt = dialler.cancel?.(withdrawal, signal);
      return await (attempt ?? unsupported(dialler, withdrawal));
    } catch (error) {
      log.error(
        { err: error, lead: withdrawal.id },
        `The dialler ${dialler.name} threw an unexpected error.`,
      );
      return { outcome: 'unknown', response: 'unexpected error; see the log' };
    }
  }

  /** Handles the result of an attempt: applies, logs, counts and records it. */
  async #complete(
    claim: string,
    withdrawal: ClaimedWithdrawal,
    full: WithdrawalResult,
    isTrial: boolean,
  ): Promise<void> {
    const { store, dialler, observer } = this.#options;
    const result = { ...full, response: full.response.slice(0, maxResponseLength) };
    const { outcome, response, pause } = result;
    const endedAt = Date.now();
    observer.onWithdrawalAttempt({ dialler: dialler.name, outcome });
    if (dialler.cancel !== undefined) await this.#applyResult(withdrawal, result, isTrial);
    if (outcome === 'unavailable' && pause?.retryAfter !== undefined) {
      // The pause delays the withdrawal, and the attempt does not count.
      await this.#release(claim, withdrawal, 0);
      return;
    }
    const delay = this.#delayUntilNextAttempt(withdrawal, result);
    this.#logResult(withdrawal, result, delay);
    const attempt = { leadId: withdrawal.id, endedAt, outcome, response };
    const nextAttemptAt = delay === undefined ? undefined : endedAt + delay;
    await this.#save(withdrawal.id, () => store.recordWithdrawal(claim, attempt, nextAttemptAt));
  }

  /** Updates the circuit breaker and the pauses. */
  async #applyResult(
    { type }: ClaimedWithdrawal,
    { outcome, retryAfter, pause, isOfLead }: WithdrawalResult,
    isTrial: boolean,
  ): Promise<void> {
    const { circuit } = this.#options.state;
    const hasResponded = outcome === 'withdrawn' || outcome === 'too-late';
    if (hasResponded || isOfLead || pause?.isOfType) circuit.recordSuccess();
    else circuit.recordFailure(type, retryAfter);
    if (pause !== undefined) await this.#pause(type, pause);
    else if (hasResponded && isTrial) await this.#endTrials(type);
  }

  async #endTrials(leadType: string): Promise<void> {
    const { state, log } = this.#options;
    try {
      await state.pauses.endTrials(leadType);
    } catch (error) {
      log.error({ err: error }, 'The end of a delivery pause was not saved.');
    }
  }

  async #pause(leadType: string, { reason, isOfType, retryAfter }: DiallerPause): Promise<void> {
    const { pauses } = this.#options.state;
    const retryAt = retryAfter === undefined ? {} : { retryAt: Date.now() + retryAfter };
    pauses.pause({ type: isOfType ? leadType : undefined, reason, ...retryAt });
    // If that fails, the dispatcher saves the pause before its next claim, and reports the failure.
    await pauses.save().catch(() => {});
  }

  /** Returns the delay before the next attempt (ms); undefined: there is none. */
  #delayUntilNextAttempt(
    { attemptNumber }: ClaimedWithdrawal,
    { outcome, retryAfter = 0, pause }: WithdrawalResult,
  ): number | undefined {
    const { dialler, retrySchedule } = this.#options;
    if (outcome === 'withdrawn' || outcome === 'too-late' || dialler.cancel === undefined) return undefined;
    const delay = retryDelay(attemptNumber, retryAfter, retrySchedule);
    const isUntilResumed = pause !== undefined && pause.retryAfter === undefined;
    return delay !== undefined && isUntilResumed ? retryAfter : delay;
  }

  #logResult(
    { id, type, partner, cause, attemptNumber }: ClaimedWithdrawal,
    { outcome, response }: WithdrawalResult,
    delay: number | undefined,
  ): void {
    const { log } = this.#options;
    const fields = { lead: id, type, partner, cause, attempt: attemptNumber, response };
    if (outcome === 'withdrawn') log.info(fields, 'A lead was withdrawn from the dialler.');
    else if (outcome === 'too-late') log.info(fields, 'A lead was cancelled too late to be withdrawn.');
    else if (delay === undefined) log.error(fields, failed);
    else {
      const nextAttemptInSeconds = Math.round(delay / 1_000);
      log.warn(
        { ...fields, outcome, nextAttemptInSeconds },
        'An attempt to withdraw a lead failed; it will be retried.',
      );
    }
  }

  /** Writes to the store, and retries while it fails, until the shutdown no longer waits. */
  async #save(leadId: string, write: () => Promise<void>): Promise<void> {
    const { log } = this.#options;
    for (;;) {
      try {
        await write();
        return;
      } catch (error) {
        const fields = { err: error, lead: leadId };
        log.error(fields, 'The store failed while recording an attempt to withdraw a lead; retrying.');
        await this.#sleep(storeRetryInterval);
        if (!this.#isDrained) continue;
        log.error(fields, 'An attempt to withdraw a lead was not recorded. It will be repeated.');
        return;
      }
    }
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#isDrained) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#sleeps.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#sleeps.add(end);
    });
  }

  #wake(): void {
    this.#isWoken = true;
    for (const end of this.#sleeps) end();
  }
}

/** Returns the maximum number of withdrawals in flight. @param deliveries maximum number of deliveries in flight */
export function withdrawalConcurrency(deliveries: number): number {
  return Math.max(1, Math.floor(deliveries / 4));
}

/** Result of a withdrawal by a dialler that cannot do so. An objection must be respected nevertheless. */
async function unsupported(
  { name }: Dialler,
  { cause }: Pick<ClaimedWithdrawal, 'cause'>,
): Promise<WithdrawalResult> {
  const response = `the dialler ${name} cannot withdraw leads`;
  return { outcome: cause === 'cancellation' ? 'too-late' : 'unavailable', response };
}
