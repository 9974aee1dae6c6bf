import type { DeliveryBasis } from '../leads/delivery-basis.ts';
import type { ClaimedLead } from '../store/delivery.ts';
import type { Log } from '../telemetry/log.ts';
import { maxResponseLength } from './attempt-limits.ts';
import type { AttemptResult } from './attempt-maker.ts';
import type { AttemptRecorder } from './attempt-recorder.ts';
import type { DeliveryObserver } from './delivery-observer.ts';
import type { Dialler } from './dialler.ts';
import { type DiallerState, updateState } from './dialler-state.ts';
import { duplicatesFound } from './duplicate-checks.ts';
import { delayUntilNextAttempt, isUncounted } from './next-attempt.ts';

/** When an attempt started: by the clock, and by `performance.now()`, because the clock may be changed meanwhile. */
export interface AttemptStart {
  at: number;
  on: number;
  /** Whether the lead was sent during a pause, to find out whether its cause was corrected. */
  isTrial: boolean;
  basis: Partial<DeliveryBasis> | undefined;
}

/** What the handling of results depends on. */
export interface ResultHandlerOptions {
  dialler: Dialler;
  state: DiallerState;
  recorder: AttemptRecorder;
  log: Log;
  observer: DeliveryObserver;
  /** Delays between consecutive attempts (ms). */
  retrySchedule: readonly number[];
  /** Called when a result has paused delivery. */
  onPause: () => void;
}

const reopened =
  'A lead was delivered, or may have been, after it had been cancelled: this server had stalled. Its withdrawal begins again.';

const failed = 'Delivery failed. Run `leads lead retry` to send the lead again.';

const failedFinally =
  'Delivery failed. The dialler would reject the lead again: do not send it again unless you have removed the reason.';

const failedUndecided =
  'Delivery failed, and the dialler may have the lead. Check the dialler, then run `leads lead resolve`.';

/** Handles the results of attempts to deliver leads. */
export class ResultHandler {
  readonly #options: ResultHandlerOptions;

  constructor(options: ResultHandlerOptions) {
    this.#options = options;
  }

  /** Handles the result of an attempt: applies it to the state of the dialler, logs, counts and records it. */
  async handle(claim: string, lead: ClaimedLead, start: AttemptStart, full: AttemptResult): Promise<void> {
    const { dialler, observer, recorder } = this.#options;
    const endedAt = Date.now();
    const milliseconds = performance.now() - start.on;
    const all = [full.response, full.duplicates].filter((each) => each !== undefined).join('; ');
    const result = { ...full, response: all.slice(0, maxResponseLength) };
    const { outcome, response, wasAbsent } = result;
    observer.onAttempt({ dialler: dialler.name, outcome, milliseconds });
    await this.#applyResult(lead, result, start.isTrial);
    if (isUncounted(result)) {
      await recorder.release(claim, [lead.id], Date.now());
      return;
    }
    const delay = this.#delayUntilNextAttempt(lead, result);
    this.#logResult(lead, result, delay);
    const isReopened = await recorder.record(
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
    if (!isReopened) return;
    observer.onWithdrawalReopened();
    this.#options.log.error({ lead: lead.id, type: lead.type, partner: lead.partner, response }, reopened);
  }

  async #applyResult({ id, type }: ClaimedLead, result: AttemptResult, isTrial: boolean): Promise<void> {
    const { state, log, onPause } = this.#options;
    const { outcome, retryAfter, pause, response } = result;
    if (outcome === 'unknown') state.settling.add(id);
    const hasDecided = outcome === 'delivered' || outcome === 'rejected';
    await updateState(state, log, { leadType: type, hasDecided, retryAfter, pause, response, isTrial });
    if (pause !== undefined) onPause();
  }

  /** Returns the delay before the next attempt (ms); undefined: there is none. */
  #delayUntilNextAttempt(
    { attemptNumber }: ClaimedLead,
    { outcome, retryAfter = 0, pause }: AttemptResult,
  ): number | undefined {
    if (outcome === 'delivered' || outcome === 'rejected') return undefined;
    const { dialler, retrySchedule } = this.#options;
    const runtime = outcome === 'unknown' ? (dialler.maxRuntime ?? 0) : 0;
    return delayUntilNextAttempt(attemptNumber, Math.max(retryAfter, runtime), pause, retrySchedule);
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
}
