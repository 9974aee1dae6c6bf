import type { AttemptOutcome } from '../leads/attempt.ts';
import type { TooLateCause } from './permission.ts';

/** Observes deliveries, for metrics. */
export interface DeliveryObserver {
  onAttempt(attempt: { dialler: string; outcome: AttemptOutcome; milliseconds: number }): void;
  /** @param leads number of leads that will not be called because it is too late */
  onTooLate(cause: TooLateCause, leads: number): void;
  /** Called when a lead was delivered, or may have been, after it had been cancelled. */
  onWithdrawalReopened(): void;
}
