import type { AttemptOutcome } from '../leads/attempt.ts';

/** Observes deliveries, for metrics. */
export interface DeliveryObserver {
  onAttempt(attempt: { dialler: string; outcome: AttemptOutcome; milliseconds: number }): void;
  /** @param leads number of leads that will not be called because DIAL_WITHIN has passed */
  onTooLate(leads: number): void;
  /** Called when a lead was delivered, or may have been, after it had been cancelled. */
  onWithdrawalReopened(): void;
}
