import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { durations } from './durations.ts';

/** Metrics of the calls of the store: its observer. */
export class StoreMetrics {
  readonly #batchSize: Histogram<'kind'>;
  readonly #batchDuration: Histogram<'kind'>;
  readonly #storeErrors: Counter<'kind'>;
  readonly #clockSkew: Gauge;

  constructor(registers: Registry[]) {
    this.#batchSize = new Histogram({
      name: 'leads_store_batch_size',
      help: 'Number of store calls that share a commit or a query.',
      labelNames: ['kind'],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    });
    this.#batchDuration = new Histogram({
      name: 'leads_store_batch_duration_seconds',
      help: 'Duration of a commit or a query of the store.',
      labelNames: ['kind'],
      buckets: durations,
      registers,
    });
    this.#storeErrors = new Counter({
      name: 'leads_store_errors_total',
      help: 'Store calls and checkpoints that failed.',
      labelNames: ['kind'],
      registers,
    });
    this.#clockSkew = new Gauge({
      name: 'leads_clock_skew_seconds',
      help: "Time by which this machine's clock is ahead of the database's; negative: behind; 0 with SQLite.",
      registers,
    });
  }

  readonly batch = (kind: string, size: number, milliseconds: number): void => {
    this.#batchSize.observe({ kind }, size);
    this.#batchDuration.observe({ kind }, milliseconds / 1_000);
  };
  readonly failure = (kind: string, size: number): void => this.#storeErrors.inc({ kind }, size);
  readonly clockSkew = (milliseconds: number): void => this.#clockSkew.set(milliseconds / 1_000);
}
