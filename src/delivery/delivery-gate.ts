import type { DeliveryPause, DeliveryPauses } from '../store/delivery-pause.ts';
import type { Log } from '../telemetry/log.ts';

/** Pauses are read from the store at most this often (ms), so that each server respects a change within a second. */
const readPause = 250;

/**
 * What one server knows of the pauses in the store, and what its dialler has found. The store itself leaves paused
 * leads out of every claim; this tells the server why, and brings a finding to the store, for all servers.
 */
export class DeliveryGate {
  readonly #store: DeliveryPauses;
  readonly #log: Log;
  readonly #onReopen: () => void;
  #pauses: readonly DeliveryPause[] = [];
  /** Why this server's dialler must be left alone; undefined once the store has it. */
  #finding: string | undefined;
  /** On the clock that is never set back (`performance.now()`). */
  #readAt = Number.NEGATIVE_INFINITY;

  /** @param onReopen called when a pause of all types has ended */
  constructor(store: DeliveryPauses, log: Log, onReopen: () => void) {
    this.#store = store;
    this.#log = log;
    this.#onReopen = onReopen;
  }

  /** Why no lead at all is delivered; undefined if some can be. */
  get closedBy(): string | undefined {
    if (this.#finding !== undefined)
      return sentence({ type: undefined, by: 'dialler', reason: this.#finding });
    const pause = this.#pauses.find(({ type }) => type === undefined);
    return pause && sentence(pause);
  }

  /** What is paused, in words; undefined: nothing. */
  get paused(): string | undefined {
    return this.closedBy ?? (this.#pauses.map(sentence).join(' ') || undefined);
  }

  /** Lets no further lead through, on this server at once and on all as soon as the store has it. */
  close(reason: string): void {
    this.#finding ??= reason;
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  /** Saves what the dialler has found, then reads the pauses, unless that was done just now. @throws if the store fails */
  async refresh(): Promise<void> {
    if (performance.now() < this.#readAt + readPause) return;
    const wasClosed = this.closedBy !== undefined;
    const before = this.#pauses;
    const saved = await this.save();
    this.#pauses = await this.#store.pauses();
    this.#readAt = performance.now();
    if (this.#finding === saved) this.#finding = undefined;
    for (const pause of this.#pauses) if (!includes(before, pause)) this.#logPause(pause);
    for (const pause of before) if (!includes(this.#pauses, pause)) this.#logEnd(pause);
    if (wasClosed && this.closedBy === undefined) this.#onReopen();
  }

  /** Saves what the dialler has found, and returns it (undefined: nothing). @throws if the store fails */
  async save(): Promise<string | undefined> {
    const reason = this.#finding;
    if (reason !== undefined) await this.#store.pauseDelivery({ type: undefined, by: 'dialler', reason });
    return reason;
  }

  #logPause(pause: DeliveryPause): void {
    const about = { by: pause.by, ...(pause.type !== undefined && { type: pause.type }) };
    const type = pause.type === undefined ? '' : ` --type ${JSON.stringify(pause.type)}`;
    const resume = `leads delivery resume${type}`;
    if (pause.by === 'dialler') {
      this.#log.fatal(about, `${sentence(pause)} Fix the cause, then run \`${resume}\`.`);
    } else {
      this.#log.warn(about, `${sentence(pause)} \`${resume}\` resumes it.`);
    }
  }

  #logEnd({ type, by }: DeliveryPause): void {
    const about = { by, ...(type !== undefined && { type }) };
    this.#log.info(about, `The pause of the delivery of ${named(type)} by the ${by} has ended.`);
  }
}

function sentence({ type, by, reason }: Pick<DeliveryPause, 'type' | 'by' | 'reason'>): string {
  return `Delivery of ${named(type)} is paused by the ${by}: ${reason.replace(/\.$/, '')}.`;
}

function named(type: string | undefined): string {
  return type === undefined ? 'all lead types' : `the lead type ${JSON.stringify(type)}`;
}

function includes(pauses: readonly DeliveryPause[], { type, by, reason, since }: DeliveryPause): boolean {
  return pauses.some(
    (each) => each.type === type && each.by === by && each.reason === reason && each.since === since,
  );
}
