import type { ParsePhone } from '../leads/phone.ts';
import type { Evidence } from '../store/evidence/evidence.ts';
import type { StoreKeys } from '../store/keys/store-keys.ts';
import type { Log } from '../telemetry/log.ts';

/** Maximum number of entries per table and step: in SQLite, no request can be saved during a step. */
const stepSize = 200;

/** Time between two steps if nothing is left to do (ms). */
const idleDelay = 2_000;

/**
 * Delay after a step, as a multiple of its duration: under full load requests lose about 1 %, and an idle server
 * catches up fast.
 */
const restFactors = { idle: 10, fullLoad: 100 };

/** Time between two reports of the head (ms). */
const headInterval = 24 * 60 * 60_000;

/** What the chain of evidence is built with. */
export interface EvidenceTools {
  store: Evidence;
  /** Undefined: the store has no key. */
  keys: StoreKeys | undefined;
  parsePhone: ParsePhone;
  log: Log;
}

/**
 * Adds stored requests and attempts to the chain of evidence in the background, so that saving and delivering leads do
 * not wait for it. If several servers share a store, one at a time adds entries. Reports the head of the chain daily.
 */
export class EvidenceKeeper {
  readonly #tools: EvidenceTools;
  #timer: NodeJS.Timeout | undefined;
  #step: Promise<void> = Promise.resolve();
  #isStopping = false;
  #isFailing = false;
  /** The use of the event loop until the last step. */
  #used = performance.eventLoopUtilization();
  #nextReport = 0;

  /** Starts the first step at once. */
  constructor(tools: EvidenceTools) {
    this.#tools = tools;
    this.#schedule(0);
  }

  /** Stops after the step in progress. What is left is added after the next start, or by another server. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await this.#step;
  }

  #schedule(delay: number): void {
    if (this.#isStopping) return;
    this.#timer = setTimeout(() => {
      this.#step = this.#run().then((next) => this.#schedule(next));
    }, delay).unref();
  }

  /** Runs a step. Returns the delay until the next one (ms). */
  async #run(): Promise<number> {
    const { store, keys, parsePhone, log } = this.#tools;
    const startedAt = performance.now();
    try {
      const added = await store.appendEvidence({ key: keys?.current, parsePhone, limit: stepSize });
      if (added === 0) await this.#reportHead();
      this.#isFailing = false;
      const rest = this.#restFactor() * (performance.now() - startedAt);
      return added === 0 ? Math.max(idleDelay, rest) : rest;
    } catch (error) {
      if (!this.#isFailing) {
        log.error({ err: error }, 'Evidence could not be added to its chain; the server tries again.');
      }
      this.#isFailing = true;
      return idleDelay;
    }
  }

  /** Returns the factor for the load since the last step. */
  #restFactor(): number {
    const { idle, fullLoad } = restFactors;
    const { utilization } = performance.eventLoopUtilization(this.#used);
    this.#used = performance.eventLoopUtilization();
    return idle + (fullLoad - idle) * utilization;
  }

  async #reportHead(): Promise<void> {
    if (Date.now() < this.#nextReport) return;
    const { headSequence, headMac } = await this.#tools.store.evidenceChain();
    if (headSequence === 0) return;
    this.#nextReport = Date.now() + headInterval;
    this.#tools.log.info({ head: `${headSequence}:${headMac}` }, 'The head of the chain of evidence.');
  }
}
