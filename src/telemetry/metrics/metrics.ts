import { collectDefaultMetrics, Registry } from 'prom-client';
import { DeliveryMetrics } from './delivery-metrics.ts';
import { type LeadMetrics, registerLeadMetrics } from './lead-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';
import { ResultMetrics } from './result-metrics.ts';
import { type DeliveryState, registerServerMetrics } from './server-metrics.ts';
import { StoreMetrics } from './store-metrics.ts';
import { WebhookMetrics } from './webhook-metrics.ts';

/** The metrics for Prometheus. Their names and labels never change, because dashboards and alerts depend on them. */
export class Metrics {
  readonly #readLeadMetrics: () => Promise<LeadMetrics | undefined>;
  readonly #registry = new Registry();
  readonly #requests = new RequestMetrics([this.#registry]);
  /** The observer of the store. */
  readonly store = new StoreMetrics([this.#registry]);
  /** The observer of the dispatcher. */
  readonly delivery = new DeliveryMetrics([this.#registry]);
  /** The observer of the events that are sent to partners. */
  readonly webhooks = new WebhookMetrics([this.#registry]);
  readonly #results = new ResultMetrics([this.#registry]);
  readonly #setLeadMetrics = registerLeadMetrics([this.#registry]);
  /** Counts a request and its duration. */
  readonly onResponse = this.#requests.onResponse;

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
    collectDefaultMetrics({ register: this.#registry });
    registerServerMetrics([this.#registry], { isReady, waiting, deliveryState });
  }

  /** Returns the observer of the results of calls. Its series exist from now on, for alerts. */
  resultsObserver() {
    return this.#results.observer();
  }

  /** Returns all metrics in Prometheus's text format, with its media type. */
  async read(): Promise<{ type: string; text: string }> {
    this.#setLeadMetrics(await this.#readLeadMetrics());
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
