import { Counter, Histogram, type Registry } from 'prom-client';
import type { operations, webhooks } from '../../../generated/openapi.ts';
import type { CompletedRequest } from '../requests.ts';
import { durations } from './durations.ts';

/** Ids of the operations of the contract. A missing one does not compile. */
const operationIds: Record<Exclude<keyof operations, keyof webhooks>, true> = {
  addLead: true,
  addLeads: true,
  cancelLead: true,
  leadStatus: true,
  leadEvents: true,
  doNotCall: true,
  leadReport: true,
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

/** Maximum number of partners with a series of their own. */
const maxPartners = 1_000;

/** Metrics of the requests of partners. */
export class RequestMetrics {
  readonly #partners = new Set<string>();
  readonly #requests: Counter<'operation' | 'outcome' | 'status' | 'replayed'>;
  readonly #rows: Counter<'outcome'>;
  readonly #accepted: Counter<'partner'>;
  readonly #objections: Counter<'partner'>;
  readonly #requestDuration: Histogram<'operation'>;

  constructor(registers: Registry[]) {
    this.#requests = new Counter({
      name: 'leads_requests_total',
      help: 'Requests by operation, outcome and status; replayed is true for a response replayed under an idempotency key.',
      labelNames: ['operation', 'outcome', 'status', 'replayed'],
      registers,
    });
    this.#rows = new Counter({
      name: 'leads_rows_total',
      help: 'Rows of requests to add many leads, by outcome; not those of replayed responses.',
      labelNames: ['outcome'],
      registers,
    });
    this.#accepted = new Counter({
      name: 'leads_accepted_total',
      help: `Accepted leads by partner; those of more than ${maxPartners} partners are counted together (partner is empty).`,
      labelNames: ['partner'],
      registers,
    });
    this.#objections = new Counter({
      name: 'leads_objections_total',
      help: 'Recorded objections (POST /lead/do-not-call) by partner, as for leads_accepted_total.',
      labelNames: ['partner'],
      registers,
    });
    this.#requestDuration = new Histogram({
      name: 'leads_request_duration_seconds',
      help: 'Time from receiving the headers of a request to its response.',
      labelNames: ['operation'],
      buckets: durations,
      registers,
    });
    for (const labels of alertedRequests) this.#requests.inc({ ...labels, replayed: 'false' }, 0);
    this.#rows.inc({ outcome: 'unknown-type' }, 0);
  }

  /** Counts a request and its duration, unless it is about test data. */
  readonly onResponse = (request: CompletedRequest): void => {
    if (request.isTest) return;
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
}
