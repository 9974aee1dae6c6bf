import { newIdentifier } from '../leads/identifier.ts';
import { withdrawalRetrySchedule } from '../leads/retry-schedule.ts';
import type { WithdrawalAttemptOutcome } from '../leads/withdrawal.ts';
import type { ClaimedWithdrawal, Withdrawals } from '../store/withdrawals.ts';
import type { Log } from '../telemetry/log.ts';
import {
  defaultDrainTimeout,
  leaseMargin,
  maxResponseLength,
  maxSleep,
  storeRetryInterval,
} from './attempt-limits.ts';
import { AttemptsInFlight } from './attempts-in-flight.ts';
import type { Dialler, WithdrawalResult } from './dialler.ts';
import { type DiallerState, updateState } from './dialler-state.ts';
import { delayUntilNextAttempt, isUncounted } from './next-attempt.ts';
import { RetriedWrites } from './retried-writes.ts';
import { Sleeper } from './sleeper.ts';

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
  /** Time for which a withdrawal must have been due (ms), so that other servers claim it first. Undefined: 0. */
  minOverdue?: number;
  observer?: WithdrawalObserver;
}

/** Observes withdrawals, for metrics. */
export interface WithdrawalObserver {
  onWithdrawalAttempt(attempt: { dialler: string; outcome: WithdrawalAttemptOutcome }): void;
}

/** Part of the margin that must be left when an attempt starts (ms). */
const minLeaseMargin = 3_000;

/** Maximum number of withdrawals in a claim. */
const maxClaimed = 100;

const failed =
  'A lead was not withdrawn, and no further attempt is made. Remove it at the dialler, then run `leads withdrawal resolve`.';

const calledLater =
  'A lead was called after it had been withdrawn: the dialler was about to call it. Check the call.';

const notRepeated =
  'A withdrawn lead was not removed once more, and no attempts are left. Remove it at the dialler, then run `leads withdrawal resolve`.';

const messages = {
  retrying: 'The store failed while recording an attempt to withdraw a lead; retrying.',
  abandoned: 'An attempt to withdraw a lead was not recorded. It will be repeated.',
};

/**
 * Withdraws leads from the dialler: claims the withdrawals that are due, and asks the dialler to remove their leads.
 * Several processes can share a store. A dialler that is down gets no more requests than the circuit breaker allows.
 */
export class Withdrawer {
  readonly #options: Required<WithdrawerOptions>;
  readonly #inFlight: AttemptsInFlight;
  readonly #writes: RetriedWrites;
  readonly #sleeper = new Sleeper();
  readonly #unrecorded = new Set<Promise<void>>();
  readonly #running: Promise<void>;
  /** Current margin of a lease (ms): longer after the store has responded late. */
  #margin = leaseMargin;
  #isDrained = false;
  /** `recoveries` of the circuit when the withdrawals were last hastened; undefined: not since the start. */
  #recoveries: number | undefined;

  /** Starts withdrawing immediately. */
  constructor(options: WithdrawerOptions) {
    this.#options = {
      retrySchedule: withdrawalRetrySchedule,
      drainTimeout: defaultDrainTimeout,
      minOverdue: 0,
      observer: { onWithdrawalAttempt: () => {} },
      ...options,
    };
    this.#inFlight = new AttemptsInFlight(options.timeout);
    this.#writes = new RetriedWrites(options.log, messages);
    this.#running = this.#run();
  }

  /**
   * Stops claiming withdrawals. Resolves once the attempts in flight have ended and are recorded, or could not be
   * recorded because the store fails: they are then repeated. Takes at most `drainTimeout` longer than the store.
   */
  async stop(): Promise<void> {
    this.#sleeper.stop();
    const timer = setTimeout(() => this.#abort(), this.#options.drainTimeout);
    await this.#running;
    if (this.#isDrained) this.#abort();
    await Promise.all(this.#unrecorded);
    clearTimeout(timer);
  }

  #abort(): void {
    this.#isDrained = true;
    this.#writes.stop();
    this.#inFlight.abort();
  }

  async #run(): Promise<void> {
    const { store, log } = this.#options;
    const unsubscribe = store.onWithdrawal(() => this.#sleeper.wake());
    while (!this.#sleeper.isStopped) {
      this.#sleeper.expectChanges();
      let delay: number;
      try {
        delay = await this.#claimAndStart();
      } catch (error) {
        log.error({ err: error }, 'The store failed while claiming withdrawals; retrying.');
        delay = storeRetryInterval;
      }
      if (delay > 0) await this.#sleeper.sleep(delay);
    }
    unsubscribe();
  }

  /** Starts the withdrawals that are possible now. Returns how long to sleep afterwards (ms). */
  async #claimAndStart(): Promise<number> {
    const { store, state, dialler, concurrency } = this.#options;
    if (state.hasUncertainLeases()) return maxSleep;
    const { circuit } = state;
    const maximum = withdrawalConcurrency(dialler.maxConcurrency ?? concurrency);
    const limit =
      dialler.cancel === undefined ? maxClaimed : circuit.allowance(maximum) - this.#inFlight.size;
    if (limit <= 0) return Math.min(maxSleep, circuit.remainingDelay() || maxSleep);
    if (dialler.cancel !== undefined) await this.#hastenAfterRecovery();
    const next = await store.nextWithdrawalAt();
    const delay = (next ?? Number.POSITIVE_INFINITY) - Date.now();
    if (delay > 0) return Math.min(maxSleep, delay);
    return this.#claim(limit);
  }

  /**
   * Does not let a withdrawal wait for the retry schedule once the dialler works again: its person may be called. The
   * dialler may also work again when a server starts.
   */
  async #hastenAfterRecovery(): Promise<void> {
    const { store, state } = this.#options;
    const { recoveries } = state.circuit;
    if (recoveries === this.#recoveries) return;
    await store.hastenWithdrawals();
    this.#recoveries = recoveries;
  }

  /** Claims up to `limit` withdrawals and starts them. Returns how long to sleep afterwards (ms). */
  async #claim(limit: number): Promise<number> {
    const { store, dialler, timeout, state, minOverdue } = this.#options;
    const claim = newIdentifier();
    const margin = this.#margin;
    const claimedAt = performance.now();
    const lease = timeout + (dialler.maxRuntime ?? 0) + margin;
    const claimed = await store.claimWithdrawals({ claim, limit, lease, minOverdue });
    const elapsed = performance.now() - claimedAt;
    this.#margin = leaseMargin + 2 * Math.ceil(elapsed);
    // A lease that is about to end, or a pause that is not stored yet.
    const isLate = margin - elapsed < minLeaseMargin;
    for (const withdrawal of claimed) {
      const settling = withdrawal.dialledAt === null ? state.settling.remaining(withdrawal) : 0;
      if (isLate || this.#isPaused(withdrawal)) await this.#release(claim, withdrawal, 0);
      else if (settling > 0) await this.#release(claim, withdrawal, settling);
      else if (this.#inFlight.isInFlight(withdrawal.id)) await this.#release(claim, withdrawal, timeout);
      else this.#start(claim, withdrawal);
    }
    return claimed.length === 0 ? maxSleep : 0;
  }

  /** Whether a pause that may not be stored yet delays a withdrawal. An objection does not wait for an operator. */
  #isPaused({ cause }: ClaimedWithdrawal): boolean {
    const { pauses } = this.#options.state;
    return cause === 'cancellation' ? pauses.isBlocked : pauses.isBlockedByDialler;
  }

  #release(claim: string, { id }: ClaimedWithdrawal, delay: number): Promise<void> {
    const notBefore = Math.ceil(Date.now() + delay);
    return this.#writes.save(id, () => this.#options.store.releaseWithdrawals(claim, [id], notBefore));
  }

  /** Starts an attempt, whose result is handled when it ends. */
  #start(claim: string, withdrawal: ClaimedWithdrawal): void {
    const { log } = this.#options;
    const { id } = withdrawal;
    const current = this.#inFlight.begin(id);
    const isTrial = this.#options.state.pauses.isTrial(withdrawal.type);
    const recorded = this.#attempt(withdrawal, current.signal)
      .then((result) => this.#complete(claim, withdrawal, result, isTrial))
      .catch((error) =>
        log.error({ err: error, lead: id }, 'An attempt to withdraw a lead was not recorded.'),
      )
      .finally(() => {
        this.#inFlight.end(current);
        this.#unrecorded.delete(recorded);
        this.#sleeper.wake();
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
    const { outcome, response } = result;
    const endedAt = Date.now();
    observer.onWithdrawalAttempt({ dialler: dialler.name, outcome });
    if (dialler.cancel !== undefined) await this.#applyResult(withdrawal, result, isTrial);
    if (isUncounted(result)) {
      // The pause delays the withdrawal, and the attempt does not count.
      await this.#release(claim, withdrawal, 0);
      return;
    }
    const delay = this.#delayUntilNextAttempt(withdrawal, result);
    this.#logResult(withdrawal, result, delay);
    const attempt = { leadId: withdrawal.id, endedAt, outcome, response };
    const nextAttemptAt = delay === undefined ? undefined : endedAt + delay;
    await this.#writes.save(withdrawal.id, () => store.recordWithdrawal(claim, attempt, nextAttemptAt));
  }

  async #applyResult(
    { type }: ClaimedWithdrawal,
    { outcome, retryAfter, pause, isOfLead, response }: WithdrawalResult,
    isTrial: boolean,
  ): Promise<void> {
    const { state, log } = this.#options;
    const hasDecided = outcome === 'withdrawn' || outcome === 'too-late';
    const observed = {
      leadType: type,
      hasDecided,
      isWorking: isOfLead,
      retryAfter,
      pause,
      response,
      isTrial,
    };
    await updateState(state, log, observed);
  }

  /** Returns the delay before the next attempt, or before the lead is removed once more (ms); undefined: there is none. */
  #delayUntilNextAttempt(
    { attemptNumber, isRepeat }: ClaimedWithdrawal,
    { outcome, retryAfter = 0, pause, needsOperator }: WithdrawalResult,
  ): number | undefined {
    const { dialler, retrySchedule } = this.#options;
    if (outcome === 'withdrawn' && !isRepeat) return dialler.repeatWithdrawalAfter;
    if (outcome === 'withdrawn' || outcome === 'too-late' || dialler.cancel === undefined) return undefined;
    if (needsOperator) return undefined;
    return delayUntilNextAttempt(attemptNumber, retryAfter, pause, retrySchedule);
  }

  #logResult(
    { id, type, partner, cause, attemptNumber, isRepeat }: ClaimedWithdrawal,
    { outcome, response }: WithdrawalResult,
    delay: number | undefined,
  ): void {
    const { log } = this.#options;
    const fields = { lead: id, type, partner, cause, attempt: attemptNumber, response };
    if (isRepeat && outcome === 'withdrawn') return;
    if (isRepeat && outcome === 'too-late') log.error(fields, calledLater);
    else if (isRepeat && delay === undefined) log.error(fields, notRepeated);
    else if (outcome === 'withdrawn') log.info(fields, 'A lead was withdrawn from the dialler.');
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
}

/** Returns the maximum number of withdrawals in flight. @param deliveries maximum number of deliveries in flight */
export function withdrawalConcurrency(deliveries: number): number {
  return deliveries === 0 ? 0 : Math.max(1, Math.floor(deliveries / 4));
}

/** Result of a withdrawal by a dialler that cannot do so. An objection must be respected nevertheless. */
async function unsupported(
  { name }: Dialler,
  { cause }: Pick<ClaimedWithdrawal, 'cause'>,
): Promise<WithdrawalResult> {
  const response = `the dialler ${name} cannot withdraw leads`;
  return { outcome: cause === 'cancellation' ? 'too-late' : 'unavailable', response };
}
