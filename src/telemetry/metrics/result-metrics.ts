import { Counter, type Registry } from 'prom-client';

/** A report of the result of a call. */
export interface ReceivedReport {
  source: string;
  outcome: string;
  /** Of a result that was not stored before. */
  stored?: { type: string; result: string | null };
}

/** Outcomes of reports that were not stored, of which a single one matters to an alert. */
const alertedReports = [
  'unauthorized',
  'invalid',
  'other-type',
  'too-many-calls',
  'unavailable',
  'server-error',
];

/** Metrics of the results of calls that the dialler reports. */
export class ResultMetrics {
  readonly #results: Counter<'type' | 'result'>;
  readonly #resultReports: Counter<'source' | 'outcome'>;

  constructor(registers: Registry[]) {
    this.#results = new Counter({
      name: 'leads_results_total',
      help: 'Results of calls that the dialler reported, by lead type and result; unmapped: its code has none.',
      labelNames: ['type', 'result'],
      registers,
    });
    this.#resultReports = new Counter({
      name: 'leads_result_reports_total',
      help: 'Reports of results by source (webhook or vicidial) and outcome; absent without RESULTS_PORT.',
      labelNames: ['source', 'outcome'],
      registers,
    });
  }

  /** Returns the observer of the results of calls. Its series exist from now on, for alerts. */
  observer() {
    for (const source of ['webhook', 'vicidial']) {
      for (const outcome of ['recorded', ...alertedReports]) this.#resultReports.inc({ source, outcome }, 0);
    }
    return ({ source, outcome, stored }: ReceivedReport): void => {
      this.#resultReports.inc({ source, outcome });
      if (stored !== undefined) this.#results.inc({ type: stored.type, result: stored.result ?? 'unmapped' });
    };
  }
}
