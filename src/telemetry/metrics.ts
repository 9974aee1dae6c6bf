import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { droppedLines } from './log.ts';
import type { CompletedRequest } from './requests.ts';

/** What there is to do, as the store tells it when the metrics are asked for. */
export interface Backlog {
  byState: Record<string, number>;
  due: number;
  /** How many failed and may have reached the dialler. */
  undecided: number;
  /** Leads that are due and held back because their delivery is paused. */
  duePaused: number;
  /** What is paused; the type is undefined for all types. */
  pauses: readonly { type: string | undefined; by: string }[];
  /** How long the first lead in line has been due, in seconds. */
  oldestDue: number;
  /** How many calls of this process wait for the store. */
  waiting: number;
}

/** A try to hand a lead over. */
export interface EndedAttempt {
  dialler: string;
  outcome: string;
  milliseconds: number;
}

const latencies = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What Prometheus is told. Names and labels stay as they are: dashboards and alerts are made of them. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'operation' | 'outcome' | 'status'>;
  readonly #latency: Histogram<'operation'>;
  readonly #batchSize: Histogram<'kind'>;
  readonly #batchTime: Histogram<'kind'>;
  readonly #storeErrors: Counter<'kind'>;
  readonly #attempts: Counter<'dialler' | 'outcome'>;
  readonly #attemptDuration: Histogram<'dialler'>;
  readonly #expired: Counter;
  readonly #backlog: () => Promise<Backlog | undefined>;
  readonly #leads: Gauge<'state'>;
  readonly #due: Gauge;
  readonly #undecided: Gauge;
  readonly #oldestDue: Gauge;
  readonly #duePaused: Gauge;
  readonly #paused: Gauge<'type' | 'by'>;
  readonly #waiting: Gauge;
  readonly #clockSkew: Gauge;

  /**
   * @param backlog is asked each time that the metrics are read; it gives undefined where the store does not say
   * @param isReady whether the server takes leads in
   */
  constructor(backlog: () => Promise<Backlog | undefined>, isReady: () => boolean) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'leads_requests_total',
      help: 'Requests that were answered, by the operation of the contract, what it came to, and the status.',
      labelNames: ['operation', 'outcome', 'status'],
      registers,
    });
    this.#latency = new Histogram({
      name: 'leads_request_duration_seconds',
      help: 'From the head of a request to its answer.',
      labelNames: ['operation'],
      buckets: latencies,
      registers,
    });
    this.#batchSize = new Histogram({
      name: 'leads_store_batch_size',
      help: 'How many calls shared a commit, or a question, to the store.',
      labelNames: ['kind'],
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
      registers,
    });
    this.#batchTime = new Histogram({
      name: 'leads_store_batch_duration_seconds',
      help: 'How long the store took for them.',
      labelNames: ['kind'],
      buckets: latencies,
      registers,
    });
    this.#storeErrors = new Counter({
      name: 'leads_store_errors_total',
      help: 'Calls that the store failed.',
      labelNames: ['kind'],
      registers,
    });
    this.#attempts = new Counter({
      name: 'leads_delivery_attempts_total',
      help: 'Tries to hand a lead to the dialler, by what they came to.',
      labelNames: ['dialler', 'outcome'],
      registers,
    });
    this.#attemptDuration = new Histogram({
      name: 'leads_delivery_duration_seconds',
      help: 'How long the dialler took to answer.',
      labelNames: ['dialler'],
      buckets: latencies,
      registers,
    });
    this.#expired = new Counter({
      name: 'leads_too_late_total',
      help: 'Leads that were too old to be rung when their turn came (DIAL_WITHIN).',
      registers,
    });
    new Counter({
      name: 'leads_log_lines_dropped_total',
      help: 'Lines of the log that were dropped, since whatever reads standard output did not keep up.',
      registers,
      collect() {
        this.reset();
        this.inc(droppedLines());
      },
    });
    new Gauge({
      name: 'leads_ready',
      help: '1 while the server takes leads in, as /readyz says; 0 while its store fails.',
      registers,
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
    this.#backlog = backlog;
    this.#leads = new Gauge({
      name: 'leads_by_state',
      help: 'Leads by their state. Of the whole store: take the largest of several servers, not the sum.',
      labelNames: ['state'],
      registers,
    });
    this.#due = new Gauge({
      name: 'leads_due',
      help: 'Leads that could be handed over now, and wait for it. Of the whole store.',
      registers,
    });
    this.#undecided = new Gauge({
      name: 'leads_undecided',
      help: 'Failed leads that the dialler may have, so that an operator must decide. Of the whole store.',
      registers,
    });
    this.#oldestDue = new Gauge({
      name: 'leads_oldest_due_seconds',
      help: 'How long the first of them has waited; 0 where there is none. Of the whole store.',
      registers,
    });
    this.#duePaused = new Gauge({
      name: 'leads_due_paused',
      help: 'Leads that are due and held back because their delivery is paused; not in leads_due. Of the whole store.',
      registers,
    });
    this.#paused = new Gauge({
      name: 'leads_delivery_paused',
      help: '1 for each pause of the delivery, by lead type (empty: all) and by who paused it: operator or dialler.',
      labelNames: ['type', 'by'],
      registers,
    });
    this.#waiting = new Gauge({
      name: 'leads_store_queue_depth',
      help: 'Calls of this process that wait for the store.',
      registers,
    });
    this.#clockSkew = new Gauge({
      name: 'leads_clock_skew_seconds',
      help: "Time by which this machine's clock is ahead of the database's; negative: behind; 0 with SQLite.",
      registers,
    });
  }

  readonly answered = ({ operation, outcome, status, milliseconds }: CompletedRequest): void => {
    const name = operation ?? 'none';
    this.#requests.inc({ operation: name, outcome, status: String(status) });
    if (operation !== undefined) this.#latency.observe({ operation }, milliseconds / 1_000);
  };

  /** For the store, which tells what it does. */
  readonly store = {
    batch: (kind: string, size: number, milliseconds: number): void => {
      this.#batchSize.observe({ kind }, size);
      this.#batchTime.observe({ kind }, milliseconds / 1_000);
    },
    failure: (kind: string, size: number): void => this.#storeErrors.inc({ kind }, size),
    clockSkew: (milliseconds: number): void => this.#clockSkew.set(milliseconds / 1_000),
  };

  /** For the dispatcher, which tells what it does. */
  readonly delivery = {
    onAttempt: ({ dialler, outcome, milliseconds }: EndedAttempt): void => {
      this.#attempts.inc({ dialler, outcome });
      this.#attemptDuration.observe({ dialler }, milliseconds / 1_000);
    },
    onTooLate: (leads: number): void => this.#expired.inc(leads),
  };

  /** All of it, in the text format of Prometheus. */
  async read(): Promise<{ type: string; text: string }> {
    const backlog = await this.#backlog();
    // The other metrics are wanted most while the store fails; of what nobody knows, nothing is said.
    if (backlog === undefined) this.#leads.reset();
    for (const [state, count] of Object.entries(backlog?.byState ?? {})) this.#leads.set({ state }, count);
    this.#due.set(backlog?.due ?? Number.NaN);
    this.#undecided.set(backlog?.undecided ?? Number.NaN);
    this.#oldestDue.set(backlog?.oldestDue ?? Number.NaN);
    this.#duePaused.set(backlog?.duePaused ?? Number.NaN);
    this.#paused.reset();
    if (backlog !== undefined) {
      // Alerts and dashboards need a series before there is a pause.
      for (const by of ['operator', 'dialler']) this.#paused.set({ type: '', by }, 0);
      for (const { type = '', by } of backlog.pauses) this.#paused.set({ type, by }, 1);
    }
    this.#waiting.set(backlog?.waiting ?? Number.NaN);
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
