import { Counter, Histogram, type Registry } from 'prom-client';
import { durations } from './durations.ts';

/** A delivery attempt that has ended. */
export interface EndedAttempt {
  dialler: string;
  outcome: string;
  milliseconds: number;
}

/** Metrics of what dispatchers, withdrawers and screening do: their observer. */
export class DeliveryMetrics {
  readonly #attempts: Counter<'dialler' | 'outcome'>;
  readonly #attemptDuration: Histogram<'dialler'>;
  readonly #withdrawalAttempts: Counter<'dialler' | 'outcome'>;
  readonly #withdrawalsReopened: Counter;
  readonly #screenings: Counter<'service' | 'outcome'>;
  readonly #tooLate: Counter;

  constructor(registers: Registry[]) {
    this.#attempts = new Counter({
      name: 'leads_delivery_attempts_total',
      help: 'Delivery attempts by dialler and outcome.',
      labelNames: ['dialler', 'outcome'],
      registers,
    });
    this.#attemptDuration = new Histogram({
      name: 'leads_delivery_duration_seconds',
      help: 'Duration of delivery attempts.',
      labelNames: ['dialler'],
      buckets: durations,
      registers,
    });
    this.#withdrawalAttempts = new Counter({
      name: 'leads_withdrawal_attempts_total',
      help: 'Attempts to withdraw leads from the dialler, by dialler and outcome.',
      labelNames: ['dialler', 'outcome'],
      registers,
    });
    this.#withdrawalsReopened = new Counter({
      name: 'leads_withdrawals_reopened_total',
      help: 'Leads that a stalled server delivered, or may have, after they had been cancelled: they are withdrawn again.',
      registers,
    });
    this.#screenings = new Counter({
      name: 'leads_screening_requests_total',
      help: 'Requests to the screening service by outcome: screened or unavailable.',
      labelNames: ['service', 'outcome'],
      registers,
    });
    this.#tooLate = new Counter({
      name: 'leads_too_late_total',
      help: 'Leads that were too late to call, by cause: dial-within (DIAL_WITHIN) or expires-at (their expires_at).',
      labelNames: ['cause'],
      registers,
    });
    for (const cause of ['dial-within', 'expires-at']) this.#tooLate.inc({ cause }, 0);
  }

  readonly onAttempt = ({ dialler, outcome, milliseconds }: EndedAttempt): void => {
    this.#attempts.inc({ dialler, outcome });
    this.#attemptDuration.observe({ dialler }, milliseconds / 1_000);
  };

  readonly onWithdrawalAttempt = ({ dialler, outcome }: { dialler: string; outcome: string }): void =>
    this.#withdrawalAttempts.inc({ dialler, outcome });

  readonly onScreening = ({ service, outcome }: { service: string; outcome: string }): void =>
    this.#screenings.inc({ service, outcome });

  readonly onTooLate = (cause: string, leads: number): void => this.#tooLate.inc({ cause }, leads);

  readonly onWithdrawalReopened = (): void => this.#withdrawalsReopened.inc();
}
