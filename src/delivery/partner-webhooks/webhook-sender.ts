import { newIdentifier } from '../../leads/identifier.ts';
import { reportedEvent } from '../../leads/lead-event.ts';
import { retryDelay } from '../../leads/retry-schedule.ts';
import type { StoreKeys } from '../../store/keys/store-keys.ts';
import type {
  ClaimedEvent,
  EndedAttempt,
  PartnerWebhook,
  PartnerWebhooks,
} from '../../store/partner-webhooks.ts';
import type { Log } from '../../telemetry/log.ts';
import { CircuitBreaker } from '../circuit-breaker.ts';
import { Sleeper } from '../sleeper.ts';
import { type SendEvent, secretsOf, webhookTimeout } from './webhook-client.ts';

/** Maximum number of events in flight to one partner, and to all. */
export const maxInFlightPerPartner = 16;
export const maxInFlightInAll = 128;

/** Time after which the store is asked for due events again (ms). */
const defaultPollInterval = 1_000;

/** Time by which a lease is longer than an attempt (ms), so that its result can be recorded. */
const leaseMargin = 30_000;

/** Time for which attempts in flight continue after `stop` (ms). */
const stopTimeout = 3_000;

/** Observes the sending of events, for metrics. */
export interface WebhookObserver {
  onAttempt(outcome: 'delivered' | 'failed', milliseconds: number): void;
}

/** What a sender needs. */
export interface WebhookSenderOptions {
  store: Pick<PartnerWebhooks, 'dueWebhooks' | 'claimEvents' | 'recordWebhookAttempts'>;
  /** Undefined: events cannot be signed, so none is sent. */
  keys: StoreKeys | undefined;
  send: SendEvent;
  log: Log;
  observer?: WebhookObserver | undefined;
  pollInterval?: number;
  /** Delays between attempts (ms). */
  retrySchedule?: readonly number[];
}

/** What a sender knows about a partner's receiver. */
interface Receiver {
  breaker: CircuitBreaker;
  /** Number of events that are being claimed or sent; 0: no batch is running. */
  inFlight: number;
  hasFailed: boolean;
}

/**
 * Sends the events of a store to the webhooks of its partners: each partner's in batches, in the order in which they
 * are due. A partner whose receiver fails delays nobody else: its batches are limited, and its circuit breaker opens.
 */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  readonly #receivers = new Map<number, Receiver>();
  readonly #batches = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #sleeper = new Sleeper();
  readonly #ended: Promise<void>;
  #hasWarnedOfKey = false;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Ends the attempts in flight within a few seconds. Events that were not recorded are sent again when their lease ends. */
  async stop(): Promise<void> {
    this.#sleeper.stop();
    const timer = setTimeout(() => this.#stopping.abort(), stopTimeout);
    await this.#ended;
    await Promise.all(this.#batches);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const { store, log, pollInterval = defaultPollInterval } = this.#options;
    while (!this.#sleeper.isStopped) {
      this.#sleeper.expectChanges();
      try {
        for (const webhook of await store.dueWebhooks()) this.#startBatch(webhook);
      } catch (error) {
        log.warn({ err: error }, 'The events for partners could not be read; this is retried.');
      }
      await this.#sleeper.sleep(pollInterval);
    }
  }

  #startBatch(webhook: PartnerWebhook): void {
    const secrets = secretsOf(webhook, this.#options.keys);
    if (secrets === undefined) {
      this.#warnOfKey(webhook);
      return;
    }
    const receiver = this.#receiverOf(webhook.partnerId);
    const total = [...this.#receivers.values()].reduce((sum, { inFlight }) => sum + inFlight, 0);
    const limit = Math.min(receiver.breaker.allowance(maxInFlightPerPartner), maxInFlightInAll - total);
    if (receiver.inFlight > 0 || limit <= 0 || this.#sleeper.isStopped) return;
    receiver.inFlight = limit;
    const batch = this.#sendBatch(webhook, secrets, receiver, limit)
      .catch((error: unknown) =>
        this.#options.log.error(
          { err: error, partner: webhook.partner },
          'Events for a partner could not be claimed or recorded; they are sent again when their lease ends.',
        ),
      )
      .finally(() => {
        receiver.inFlight = 0;
        this.#batches.delete(batch);
      });
    this.#batches.add(batch);
  }

  #receiverOf(partnerId: number): Receiver {
    const known = this.#receivers.get(partnerId);
    if (known !== undefined) return known;
    const receiver = { breaker: new CircuitBreaker(), inFlight: 0, hasFailed: false };
    this.#receivers.set(partnerId, receiver);
    return receiver;
  }

  #warnOfKey({ partner }: PartnerWebhook): void {
    if (this.#hasWarnedOfKey) return;
    this.#hasWarnedOfKey = true;
    this.#options.log.error(
      { partner },
      'Events cannot be signed, because the key of the store is missing that the secret of the webhook was made with. Restore the key, or run `leads partner webhook rotate`, then restart the server.',
    );
  }

  async #sendBatch(
    { partnerId, partner, url }: PartnerWebhook,
    secrets: readonly string[],
    receiver: Receiver,
    limit: number,
  ): Promise<void> {
    const { store } = this.#options;
    const claim = newIdentifier();
    const lease = webhookTimeout + leaseMargin;
    const events = await store.claimEvents({ partnerId, claim, limit, lease });
    if (events.length === 0) return;
    const ended = await Promise.all(events.map((event) => this.#send(url, secrets, event, receiver)));
    await store.recordWebhookAttempts(claim, ended);
    this.#logChange(partner, ended, receiver);
    if (events.length === limit) this.#sleeper.wake();
  }

  async #send(
    url: string,
    secrets: readonly string[],
    event: ClaimedEvent,
    receiver: Receiver,
  ): Promise<EndedAttempt> {
    const { send, observer, retrySchedule } = this.#options;
    const startedAt = Date.now();
    const start = performance.now();
    const signal = AbortSignal.any([AbortSignal.timeout(webhookTimeout), this.#stopping.signal]);
    const { outcome, response, retryAfter = 0 } = await send(url, secrets, reportedEvent(event), signal);
    observer?.onAttempt(outcome, performance.now() - start);
    if (outcome === 'delivered') receiver.breaker.recordSuccess();
    else receiver.breaker.recordFailure('event', retryAfter, response);
    const endedAt = Date.now();
    const delay =
      outcome === 'delivered' ? undefined : retryDelay(event.attempts + 1, retryAfter, retrySchedule);
    const nextAttemptAt = delay === undefined ? null : endedAt + delay;
    return { eventId: event.id, startedAt, endedAt, outcome, response, nextAttemptAt };
  }

  /** Logs when a receiver begins to fail, or works again: each attempt is in the list of attempts. */
  #logChange(partner: string, ended: readonly EndedAttempt[], receiver: Receiver): void {
    const { log } = this.#options;
    const failure = ended.find(({ outcome }) => outcome === 'failed');
    if ((failure !== undefined) === receiver.hasFailed) return;
    receiver.hasFailed = failure !== undefined;
    if (failure === undefined) log.info({ partner }, 'The webhook of a partner accepts events again.');
    else
      log.warn(
        { partner, response: failure.response },
        'The webhook of a partner does not accept events; they are sent again later.',
      );
  }
}
