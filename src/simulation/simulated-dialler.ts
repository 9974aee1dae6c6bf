import type { TestNumbers } from '../contract/test-numbers.ts';
import type { DeliveryResult, Dialler, WithdrawalResult } from '../delivery/dialler.ts';
import type { CallResult } from '../leads/call-result.ts';
import type { ParsePhone } from '../leads/phone.ts';
import { recordReport } from '../store/objections.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** What the simulated dialler depends on. */
export interface SimulatedDiallerOptions {
  store: Store;
  numbers: TestNumbers;
  parsePhone: ParsePhone;
  log: Log;
  /** Time from the delivery of a lead to the result of its call (ms). */
  resultAfter: number;
}

/** Age of a delivery at which a result that is still missing is given up (ms). */
const maxResultAge = 3_600_000;

/** Maximum number of leads whose missing results are searched for. */
const maxResumed = 1_000;

/**
 * A dialler that calls nobody. The phone number of a lead decides what becomes of it. It reports the results of its
 * calls itself, as a dialler does.
 */
export class SimulatedDialler implements Dialler {
  readonly name = 'simulation';
  readonly #options: SimulatedDiallerOptions;
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  readonly #reporting = new Set<Promise<void>>();

  constructor(options: SimulatedDiallerOptions) {
    this.#options = options;
  }

  async deliver({
    id,
    mobile,
    attemptNumber,
  }: {
    id: string;
    mobile: string;
    attemptNumber: number;
  }): Promise<DeliveryResult> {
    const { state = 'dialled', attempts = 1, result } = this.#options.numbers.of(mobile) ?? {};
    if (state === 'failed') return { outcome: 'rejected', response: 'simulated rejection', isFinal: true };
    if (attemptNumber < attempts) return { outcome: 'unavailable', response: 'simulated outage' };
    if (result !== undefined) this.#reportLater(id, result);
    return { outcome: 'delivered', response: 'simulated; nobody is called' };
  }

  async cancel({ id, mobile }: { id: string; mobile: string }): Promise<WithdrawalResult> {
    const { cancelled = true } = this.#options.numbers.of(mobile) ?? {};
    if (!cancelled) return { outcome: 'too-late', response: 'simulated; the person has been called' };
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    return { outcome: 'withdrawn', response: 'simulated; nobody is called' };
  }

  /** Reports the results that an earlier process has not reported before it ended. */
  async resume(): Promise<void> {
    const { store, numbers } = this.#options;
    const since = Date.now() - maxResultAge;
    for await (const lead of store.leads({ state: 'dialled' }, maxResumed)) {
      const { result } = numbers.of(lead.mobile) ?? {};
      const isRecent = lead.dialledAt !== null && lead.dialledAt >= since;
      if (result !== undefined && lead.result === null && isRecent) this.#reportLater(lead.id, result);
    }
  }

  /** Ends the calls in progress; their results are reported by the next process. */
  async stop(): Promise<void> {
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    await Promise.all(this.#reporting);
  }

  #reportLater(leadId: string, result: CallResult): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(leadId);
      const reporting = this.#report(leadId, result).finally(() => this.#reporting.delete(reporting));
      this.#reporting.add(reporting);
    }, this.#options.resultAfter);
    this.#waiting.set(leadId, timer.unref());
  }

  async #report(leadId: string, result: CallResult): Promise<void> {
    const { store, parsePhone, log } = this.#options;
    const now = Date.now();
    const report = {
      leadId,
      callId: `simulated-${leadId}`,
      code: result,
      result,
      calledAt: now,
      talkTime: null,
      receivedAt: now,
      dialler: this.name,
      types: undefined,
    };
    try {
      await recordReport(store, parsePhone, report);
      log.info({ lead: leadId, result }, 'A call ended.');
    } catch (error) {
      log.warn({ err: error, lead: leadId }, 'The result of a simulated call could not be recorded.');
    }
  }
}
