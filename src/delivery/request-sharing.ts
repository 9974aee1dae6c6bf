import { newIdentifier } from '../leads/identifier.ts';
import type { RequestShare, RequestShares } from '../store/request-shares.ts';
import type { Log } from '../telemetry/log.ts';
import { storeRetryInterval } from './attempt-limits.ts';
import type { RequestLimit } from './dialler.ts';
import { Sleeper } from './sleeper.ts';

/** Time between two renewals of a share (ms). */
const renewalInterval = 5_000;

/** Time until the next renewal while shares change (ms). */
const changeInterval = 1_000;

/** Time after a renewal until which requests are sent (ms). A server that stalls, or whose store fails, sends none later. */
const validity = 30_000;

/** What the sharing depends on. */
export interface RequestSharingOptions {
  store: RequestShares;
  requests: RequestLimit;
  log: Log;
  /** Maximum time of a request (ms). */
  timeout: number;
}

/**
 * Shares the requests to the dialler with the other servers of the store. Each server has a row in the store with the
 * number of requests that it may have in flight. A server that joins gets only what the rows of the others leave, so
 * that they never add up to more than the maximum, even while servers join, stall or end. A row ends once the last
 * request that its server may have sent has ended.
 */
export class RequestSharing {
  readonly #options: RequestSharingOptions;
  readonly #server = newIdentifier();
  readonly #sleeper = new Sleeper();
  readonly #running: Promise<void>;
  #logged: number | undefined;

  /** Starts sharing: until the first renewal, nothing is sent. */
  constructor(options: RequestSharingOptions) {
    this.#options = options;
    options.requests.allow(0, 0);
    this.#running = this.#run();
  }

  /** Stops sending requests, and leaves the share to the others. Call it once delivery has stopped. */
  async stop(): Promise<void> {
    const { store, requests, log } = this.#options;
    this.#sleeper.stop();
    requests.allow(0, 0);
    await this.#running;
    // A renewal that was in progress has allowed requests again.
    requests.allow(0, 0);
    await store
      .endRequestShare(this.#server)
      .catch((error) => log.warn({ err: error }, 'The share of requests to the dialler was not given up.'));
  }

  async #run(): Promise<void> {
    while (!this.#sleeper.isStopped) {
      let delay: number;
      try {
        delay = (await this.#renew()).isChanging ? changeInterval : renewalInterval;
      } catch (error) {
        this.#options.log.error(
          { err: error },
          'The store failed while the share of requests to the dialler was renewed; retrying.',
        );
        delay = storeRetryInterval;
      }
      await this.#sleeper.sleep(delay);
    }
  }

  async #renew(): Promise<RequestShare> {
    const { store, requests, timeout } = this.#options;
    const { max, maxTotal: total } = requests;
    const renewedAt = performance.now();
    // Requests are sent during the renewal too.
    const held = Math.max(requests.current, requests.inFlight);
    const terms = { server: this.#server, total, max, held, duration: validity + timeout };
    const share = await store.renewRequestShare(terms);
    requests.allow(share.requests, renewedAt + validity);
    this.#log(share.requests);
    return share;
  }

  #log(share: number): void {
    const { log, requests } = this.#options;
    if (share === this.#logged) return;
    this.#logged = share;
    const fields = { requests: share, requestsOfAll: requests.maxTotal };
    if (share > 0)
      log.info(fields, 'The number of requests that this server sends to the dialler at once has changed.');
    else
      log.warn(
        fields,
        'This server sends nothing to the dialler until other servers leave it a share of the requests.',
      );
  }
}
