import { Counter, Histogram, type Registry } from 'prom-client';
import { durations } from './durations.ts';

/** Metrics of the events that are sent to partners. */
export class WebhookMetrics {
  readonly #attempts: Counter<'outcome'>;
  readonly #durations: Histogram;

  constructor(registers: Registry[]) {
    this.#attempts = new Counter({
      name: 'leads_webhook_attempts_total',
      help: 'Attempts to send events to the webhooks of partners by outcome: delivered or failed.',
      labelNames: ['outcome'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'leads_webhook_attempt_duration_seconds',
      help: 'Duration of attempts to send events to the webhooks of partners.',
      buckets: durations,
      registers,
    });
    for (const outcome of ['delivered', 'failed']) this.#attempts.inc({ outcome }, 0);
  }

  /** Counts an attempt and its duration. */
  onAttempt(outcome: 'delivered' | 'failed', milliseconds: number): void {
    this.#attempts.inc({ outcome });
    this.#durations.observe(milliseconds / 1_000);
  }
}
