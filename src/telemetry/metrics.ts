import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { operations, webhooks } from '../../generated/openapi.ts';
import { droppedLines } from './log.ts';
import type { CompletedRequest } from './requests.ts';

/** States of a server's delivery. */
const deliveryStates = ['running', 'waiting', 'paused', 'off'] as const;

export type DeliveryState = (typeof deliveryStates)[number];

/** Ids of the operations of the contract. A missing one does not compile. */
const operationIds: Record<Exclude<keyof operations, keyof webhooks>, true> = {
  addLead: true,
  addLeads: true,
  cancelLead: true,
  leadStatus: true,
  doNotCall: true,
};

/**
 * Requests of which a single one matters to an alert. Their series exist from the start, because Prometheus sees no
 * increase in the first value of a series.
 */
const alertedRequests = [
  { operation: 'addLead', outcome: 'unknown-type', status: '200' },
  { operation: 'doNotCall', outcome: 'too-many-objections', status: '429' },
  ...Object.keys(operationIds).map((operation) => ({ operation, outcome: 'server-error', status: '500' })),
];

/** Values of the metrics that describe the leads of the store, read each time the metrics are read. */
export interface LeadMetrics {
  /** Number of leads in each state. */
  byState: Record<string, number>;
  /** Number of leads that can be claimed now. */
  due: number;
  /** Number of failed leads that the dialler may have. */
  undecided: number;
  /** Number of leads that could be claimed now if their delivery were not paused. */
  duePaused: number;
  /** The pauses of delivery; an undefined type means all types. */
  pauses: readonly { type: string | undefined; by: string }[];
  /** Time for which the first lead that can be claimed could have been delivered (s); 0: no lead can be claimed. */
  oldestDue: number;
  /** Number of scheduled leads whose last attempt failed, and whose next one is later. */
  waitingForRetry: number;
  /** Time since the first of them was due (s); 0: there are none. */
  oldestWaiting: number;
  /** Numbers of leads that wait until they may be delivered, by what they wait for. */
  notPermitted: readonly { waitsFor: string; count: number }[];
  /** Number of leads that are to be withdrawn from the dialler. */
  openWithdrawals: number;
  /** Time since the first of them was requested (s); 0: there are none. */
  oldestWithdrawal: number;
  /** Number of leads that were not withdrawn, which an operator must remove at the dialler. */
  failedWithdrawals: number;
  /** The registries that a lead type requires, with the ages of their lists (s). */
  registries: readonly { name: string; age: number; maxAge: number }[];
  /** When the last backup succeeded (ms since 1970); undefined: none was recorded. */
  lastBackupAt: number | undefined;
}

/** A delivery attempt that has ended. */
export interface EndedAttempt {
  dialler: string;
  outcome: string;
  milliseconds: number;
}

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

/** Maximum number of partners with a series of their own. */
const maxPartners = 1_000;

/** Histogram buckets (s). */
const durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics for Prometheus. Their names and labels never change, because dashboards and alerts depend on them. */
export class Metrics {
  readonly #readLeadMetrics: () => Promise<LeadMetrics | undefined>;
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];

  readonly #requests = new Counter({
    name: 'leads_requests_total',
    help: 'Requests by operation, outcome and status; replayed is true for a response replayed under an idempotency key.',
    labelNames: ['operation', 'outcome', 'status', 'replayed'],
    registers: this.#registers,
  });
  readonly #rows = new Counter({
    name: 'leads_rows_total',
    help: 'Rows of requests to add many leads, by outcome; not those of replayed responses.',
    labelNames: ['outcome'],
    registers: this.#registers,
  });
  readonly #accepted = new Counter({
    name: 'leads_accepted_total',
    help: `Accepted leads by partner; those of more than ${maxPartners} partners are counted together (partner is empty).`,
    labelNames: ['partner'],
    registers: this.#registers,
  });
  readonly #objections = new Counter({
    name: 'leads_objections_total',
    help: 'Recorded objections (POST /lead/do-not-call) by partner, as for leads_accepted_total.',
    labelNames: ['partner'],
    registers: this.#registers,
  });
  readonly #partners = new Set<string>();
  readonly #requestDuration = new Histogram({
    name: 'leads_request_duration_seconds',
    help: 'Time from receiving the headers of a request to its response.',
    labelNames: ['operation'],
    buckets: durations,
    registers: this.#registers,
  });

  readonly #batchSize = new Histogram({
    name: 'leads_store_batch_size',
    help: 'Number of store calls that share a commit or a query.',
    labelNames: ['kind'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers: this.#registers,
  });
  readonly #batchDuration = new Histogram({
    name: 'leads_store_batch_duration_seconds',
    help: 'Duration of a commit or a query of the store.',
    labelNames: ['kind'],
    buckets: durations,
    registers: this.#registers,
  });
  readonly #storeErrors = new Counter({
    name: 'leads_store_errors_total',
    help: 'Store calls and checkpoints that failed.',
    labelNames: ['kind'],
    registers: this.#registers,
  });
  readonly #clockSkew = new Gauge({
    name: 'leads_clock_skew_seconds',
    help: "Time by which this machine's clock is ahead of the database's; negative: behind; 0 with SQLite.",
    registers: this.#registers,
  });

  readonly #attempts = new Counter({
    name: 'leads_delivery_attempts_total',
    help: 'Delivery attempts by dialler and outcome.',
    labelNames: ['dialler', 'outcome'],
    registers: this.#registers,
  });
  readonly #attemptDuration = new Histogram({
    name: 'leads_delivery_duration_seconds',
    help: 'Duration of delivery attempts.',
    labelNames: ['dialler'],
    buckets: durations,
    registers: this.#registers,
  });
  readonly #withdrawalAttempts = new Counter({
    name: 'leads_withdrawal_attempts_total',
    help: 'Attempts to withdraw leads from the dialler, by dialler and outcome.',
    labelNames: ['dialler', 'outcome'],
    registers: this.#registers,
  });
  readonly #withdrawalsReopened = new Counter({
    name: 'leads_withdrawals_reopened_total',
    help: 'Leads that a stalled server delivered, or may have, after they had been cancelled: they are withdrawn again.',
    registers: this.#registers,
  });
  readonly #screenings = new Counter({
    name: 'leads_screening_requests_total',
    help: 'Requests to the screening service by outcome: screened or unavailable.',
    labelNames: ['service', 'outcome'],
    registers: this.#registers,
  });
  readonly #results = new Counter({
    name: 'leads_results_total',
    help: 'Results of calls that the dialler reported, by lead type and result; unmapped: its code has none.',
    labelNames: ['type', 'result'],
    registers: this.#registers,
  });
  readonly #resultReports = new Counter({
    name: 'leads_result_reports_total',
    help: 'Reports of results by source (webhook or vicidial) and outcome; absent without RESULTS_PORT.',
    labelNames: ['source', 'outcome'],
    registers: this.#registers,
  });
  readonly #registryAge = new Gauge({
    name: 'leads_registry_age_seconds',
    help: 'Age of the list of each registry that a lead type requires; +Inf: none was imported.',
    labelNames: ['registry'],
    registers: this.#registers,
  });
  readonly #registryMaxAge = new Gauge({
    name: 'leads_registry_max_age_seconds',
    help: 'Maximum age of the list of each registry that a lead type requires: older ones stop the delivery of its leads.',
    labelNames: ['registry'],
    registers: this.#registers,
  });
  readonly #tooLate = new Counter({
    name: 'leads_too_late_total',
    help: 'Leads that were too late to call (DIAL_WITHIN).',
    registers: this.#registers,
  });

  readonly #leads = new Gauge({
    name: 'leads_by_state',
    help: 'Leads by state, in the whole store: use the maximum of several servers, not the sum.',
    labelNames: ['state'],
    registers: this.#registers,
  });
  readonly #due = new Gauge({
    name: 'leads_due',
    help: 'Leads that could be delivered now, in the whole store; not those in flight or waiting for a retry.',
    registers: this.#registers,
  });
  readonly #oldestDue = new Gauge({
    name: 'leads_oldest_due_seconds',
    help: 'Time for which the first lead of leads_due could have been delivered; 0 if leads_due is 0.',
    registers: this.#registers,
  });
  readonly #waitingForRetry = new Gauge({
    name: 'leads_waiting_for_retry',
    help: 'Leads whose last attempt failed and whose next one is later, in the whole store; paused leads do not count.',
    registers: this.#registers,
  });
  readonly #notPermitted = new Gauge({
    name: 'leads_not_permitted',
    help: 'Leads that may not be delivered yet, by what they wait for: calling-hours, no-common-hours, screening, registry or call-limit.',
    labelNames: ['waits_for'],
    registers: this.#registers,
  });
  readonly #oldestWaiting = new Gauge({
    name: 'leads_oldest_waiting_seconds',
    help: 'Time since the first lead of leads_waiting_for_retry was due; 0 if leads_waiting_for_retry is 0.',
    registers: this.#registers,
  });
  readonly #undecided = new Gauge({
    name: 'leads_undecided',
    help: 'Failed leads that the dialler may have, in the whole store: an operator must resolve them.',
    registers: this.#registers,
  });
  readonly #openWithdrawals = new Gauge({
    name: 'leads_withdrawals_open',
    help: 'Leads that are to be withdrawn from the dialler, in the whole store.',
    registers: this.#registers,
  });
  readonly #oldestWithdrawal = new Gauge({
    name: 'leads_oldest_withdrawal_seconds',
    help: 'Time since the first withdrawal of leads_withdrawals_open was requested; 0 if there is none.',
    registers: this.#registers,
  });
  readonly #failedWithdrawals = new Gauge({
    name: 'leads_withdrawals_failed',
    help: 'Leads that were not withdrawn from the dialler, in the whole store: an operator must remove them there.',
    registers: this.#registers,
  });
  readonly #lastBackup = new Gauge({
    name: 'leads_last_backup_timestamp_seconds',
    help: 'Time at which leads store backup last succeeded (Unix time); absent if it has not, and with PostgreSQL.',
    registers: this.#registers,
  });
  readonly #duePaused = new Gauge({
    name: 'leads_due_paused',
    help: 'Leads that could be delivered now if their delivery were not paused; not included in leads_due.',
    registers: this.#registers,
  });
  readonly #paused = new Gauge({
    name: 'leads_delivery_paused',
    help: '1 for each pause of delivery, by lead type (empty: all types) and by who paused it (operator or dialler).',
    labelNames: ['type', 'by'],
    registers: this.#registers,
  });

  /**
   * @param readLeadMetrics returns undefined if the store fails
   * @param isReady whether the server accepts leads
   * @param waiting returns the number of this process's calls that wait for the store
   * @param deliveryState returns the state of this server's delivery
   */
  constructor(
    readLeadMetrics: () => Promise<LeadMetrics | undefined>,
    isReady: () => boolean,
    waiting: () => number,
    deliveryState: () => DeliveryState,
  ) {
    this.#readLeadMetrics = readLeadMetrics;
    const registers = this.#registers;
    collectDefaultMetrics({ register: this.#registry });
    for (const labels of alertedRequests) this.#requests.inc({ ...labels, replayed: 'false' }, 0);
    this.#rows.inc({ outcome: 'unknown-type' }, 0);
    new Counter({
      name: 'leads_log_lines_dropped_total',
      help: 'Log lines that were dropped because the reader of standard output stalled or ended.',
      registers,
      collect() {
        this.reset();
        this.inc(droppedLines());
      },
    });
    new Gauge({
      name: 'leads_ready',
      help: '1 while the server accepts leads, as /readyz reports; 0 while its store fails.',
      registers,
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
    new Gauge({
      name: 'leads_time_seconds',
      help: 'Clock of this machine when the metrics were read (Unix time).',
      registers,
      collect() {
        this.set(Date.now() / 1_000);
      },
    });
    new Gauge({
      name: 'leads_delivery_state',
      help: "1 for the state of this server's delivery (running, waiting, paused or off), 0 for the others.",
      labelNames: ['state'],
      registers,
      collect() {
        const current = deliveryState();
        for (const state of deliveryStates) this.set({ state }, state === current ? 1 : 0);
      },
    });
    // Read even while the store fails, which is when calls wait.
    new Gauge({
      name: 'leads_store_queue_depth',
      help: 'Store calls of this process in the queue.',
      registers,
      collect() {
        this.set(waiting());
      },
    });
  }

  /** Counts a request and its duration. */
  readonly onResponse = (request: CompletedRequest): void => {
    const { operation, outcome, isReplay, status, milliseconds } = request;
    const labels = {
      operation: operation ?? 'none',
      outcome,
      status: String(status),
      replayed: String(isReplay ?? false),
    };
    this.#requests.inc(labels);
    this.#countOfPartner(request);
    for (const [rowOutcome, count] of Object.entries(request.rows ?? {})) {
      this.#rows.inc({ outcome: rowOutcome }, count);
    }
    if (operation !== undefined) this.#requestDuration.observe({ operation }, milliseconds / 1_000);
  };

  #countOfPartner({ operation, outcome, isReplay, rows, partner }: CompletedRequest): void {
    const isAccepted = operation === 'addLead' && outcome === 'accepted' && !isReplay;
    const accepted = isAccepted ? 1 : (rows?.['accepted'] ?? 0);
    const objections = Number(operation === 'doNotCall' && outcome === 'recorded' && !isReplay);
    if (accepted + objections === 0 || partner === undefined) return;
    if (this.#partners.size < maxPartners) this.#partners.add(partner);
    const labels = { partner: this.#partners.has(partner) ? partner : '' };
    this.#accepted.inc(labels, accepted);
    // Also 0, so that the first objections of a partner that sends leads are an increase.
    this.#objections.inc(labels, objections);
  }

  /** The observer of the store. */
  readonly store = {
    batch: (kind: string, size: number, milliseconds: number): void => {
      this.#batchSize.observe({ kind }, size);
      this.#batchDuration.observe({ kind }, milliseconds / 1_000);
    },
    failure: (kind: string, size: number): void => this.#storeErrors.inc({ kind }, size),
    clockSkew: (milliseconds: number): void => this.#clockSkew.set(milliseconds / 1_000),
  };

  /** The observer of the dispatcher. */
  readonly delivery = {
    onAttempt: ({ dialler, outcome, milliseconds }: EndedAttempt): void => {
      this.#attempts.inc({ dialler, outcome });
      this.#attemptDuration.observe({ dialler }, milliseconds / 1_000);
    },
    onWithdrawalAttempt: ({ dialler, outcome }: { dialler: string; outcome: string }): void =>
      this.#withdrawalAttempts.inc({ dialler, outcome }),
    onScreening: ({ service, outcome }: { service: string; outcome: string }): void =>
      this.#screenings.inc({ service, outcome }),
    onTooLate: (leads: number): void => this.#tooLate.inc(leads),
    onWithdrawalReopened: (): void => this.#withdrawalsReopened.inc(),
  };

  /** Returns the observer of the results of calls. Its series exist from now on, for alerts. */
  resultsObserver() {
    for (const source of ['webhook', 'vicidial']) {
      for (const outcome of ['recorded', ...alertedReports]) this.#resultReports.inc({ source, outcome }, 0);
    }
    return ({ source, outcome, stored }: ReceivedReport): void => {
      this.#resultReports.inc({ source, outcome });
      if (stored !== undefined) this.#results.inc({ type: stored.type, result: stored.result ?? 'unmapped' });
    };
  }

  /** Returns all metrics in Prometheus's text format, with its media type. */
  async read(): Promise<{ type: string; text: string }> {
    const values = await this.#readLeadMetrics();
    // If the store fails, its metrics are missing, and the others remain available.
    if (values === undefined) this.#leads.reset();
    for (const [state, count] of Object.entries(values?.byState ?? {})) this.#leads.set({ state }, count);
    setOrRemove(this.#due, values?.due);
    setOrRemove(this.#undecided, values?.undecided);
    setOrRemove(this.#openWithdrawals, values?.openWithdrawals);
    setOrRemove(this.#oldestWithdrawal, values?.oldestWithdrawal);
    setOrRemove(this.#failedWithdrawals, values?.failedWithdrawals);
    setOrRemove(this.#oldestDue, values?.oldestDue);
    setOrRemove(this.#waitingForRetry, values?.waitingForRetry);
    setOrRemove(this.#oldestWaiting, values?.oldestWaiting);
    setOrRemove(this.#duePaused, values?.duePaused);
    setOrRemove(this.#lastBackup, values?.lastBackupAt && values.lastBackupAt / 1_000);
    this.#notPermitted.reset();
    for (const { waitsFor, count } of values?.notPermitted ?? []) {
      this.#notPermitted.set({ waits_for: waitsFor }, count);
    }
    this.#registryAge.reset();
    this.#registryMaxAge.reset();
    for (const { name: registry, age, maxAge } of values?.registries ?? []) {
      this.#registryAge.set({ registry }, age);
      this.#registryMaxAge.set({ registry }, maxAge);
    }
    this.#paused.reset();
    if (values !== undefined) {
      // Alerts and dashboards need a series before the first pause.
      for (const by of ['operator', 'dialler']) this.#paused.set({ type: '', by }, 0);
      for (const { type = '', by } of values.pauses) this.#paused.set({ type, by }, 1);
    }
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

/**
 * Sets a metric without labels, or removes its series if there is no value: 0 would be one, such as a backup in 1970.
 */
function setOrRemove(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
