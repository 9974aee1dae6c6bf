import type { Withdrawals } from '../store/withdrawals.ts';

/** Maximum time for which a request waits for the end of a withdrawal (ms). */
export const maxWithdrawalWait = 2_000;

/** Delay between two checks (ms), because a store may not notice a withdrawal that another process has ended. */
const checkInterval = 100;

/** Maximum number of requests that wait. Each holds a connection and one of its key's requests in flight. */
const maxWaiting = 200;

/** Maximum number of requests of one partner that wait, so that none can prevent the others from waiting. */
const maxWaitingPerPartner = 20;

/** A request that waits. */
interface Waiting {
  partnerId: number;
  leadId: string;
  end: () => void;
}

/** Makes requests wait until the withdrawals of their leads have ended. All of them share each check of the store. */
export class WithdrawalWait {
  readonly #store: Pick<Withdrawals, 'onWithdrawal' | 'endedWithdrawals'>;
  readonly #waiting = new Set<Waiting>();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isChecking = false;

  constructor(store: Pick<Withdrawals, 'onWithdrawal' | 'endedWithdrawals'>) {
    this.#store = store;
  }

  /**
   * Resolves once the withdrawal of a lead has ended, or after some time (ms). Resolves at once if too many requests
   * wait already.
   */
  async untilEnded(partnerId: number, leadId: string, milliseconds: number): Promise<void> {
    const ofPartner = Array.from(this.#waiting).filter((waiting) => waiting.partnerId === partnerId);
    if (this.#waiting.size >= maxWaiting || ofPartner.length >= maxWaitingPerPartner) return;
    await new Promise<void>((resolve) => {
      const timeout = setTimeout(() => waiting.end(), milliseconds);
      const waiting: Waiting = {
        partnerId,
        leadId,
        end: () => {
          clearTimeout(timeout);
          this.#waiting.delete(waiting);
          if (this.#waiting.size === 0) this.#stopChecking();
          resolve();
        },
      };
      this.#waiting.add(waiting);
      this.#unsubscribe ??= this.#store.onWithdrawal(() => this.#scheduleCheck(0));
      this.#scheduleCheck(0);
    });
  }

  #stopChecking(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #scheduleCheck(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), delay);
  }

  async #check(): Promise<void> {
    if (this.#isChecking || this.#waiting.size === 0) return;
    this.#isChecking = true;
    const waiting = [...this.#waiting];
    try {
      const ended = await this.#store.endedWithdrawals(waiting.map(({ leadId }) => leadId));
      for (const each of waiting) if (ended.has(each.leadId)) each.end();
    } catch {
      // The store reports its failure when the response is settled.
    } finally {
      this.#isChecking = false;
      if (this.#waiting.size > 0) this.#scheduleCheck(checkInterval);
    }
  }
}
