import { type DeliveryPause, type DeliveryPauses, describePausedTypes } from '../store/delivery-pause.ts';
import type { Log } from '../telemetry/log.ts';

/** Minimum time between two reads of the pauses (ms). Each server applies a change within a second. */
const refreshInterval = 250;

/**
 * Tracks the delivery pauses for one server. The store itself excludes paused leads from every claim. The tracker
 * reports why, logs each change, and stores a pause that this server's dialler caused, so that it applies to all
 * servers.
 */
export class PauseTracker {
  readonly #store: DeliveryPauses;
  readonly #log: Log;
  readonly #onResume: () => void;
  #pauses: readonly DeliveryPause[] = [];
  /** Reason of a pause that this server's dialler caused and that is not stored yet; undefined: none. */
  #unsavedReason: string | undefined;
  /** Time of the last read of the pauses (`performance.now()`). */
  #refreshedAt = Number.NEGATIVE_INFINITY;

  /** @param onResume called when a pause of all types has ended */
  constructor(store: DeliveryPauses, log: Log, onResume: () => void) {
    this.#store = store;
    this.#log = log;
    this.#onResume = onResume;
  }

  /** Why the delivery of all types is paused (a sentence); undefined: it is not paused. */
  get reasonAllPaused(): string | undefined {
    if (this.#unsavedReason !== undefined)
      return describePause({ type: undefined, by: 'dialler', reason: this.#unsavedReason });
    const pause = this.#pauses.find(({ type }) => type === undefined);
    return pause && describePause(pause);
  }

  /** Description of all pauses (sentences); undefined: there are none. */
  get description(): string | undefined {
    return this.reasonAllPaused ?? (this.#pauses.map(describePause).join(' ') || undefined);
  }

  /** Pauses the delivery of all types: on this server immediately, on the others once the pause is stored. */
  pauseAll(reason: string): void {
    this.#unsavedReason ??= reason;
    this.#refreshedAt = Number.NEGATIVE_INFINITY;
  }

  /** Stores a new pause and reads all pauses, at most every 250 ms. @throws if the store fails */
  async refresh(): Promise<void> {
    if (performance.now() < this.#refreshedAt + refreshInterval) return;
    const wasAllPaused = this.reasonAllPaused !== undefined;
    const before = this.#pauses;
    const saved = await this.save();
    this.#pauses = await this.#store.pauses();
    this.#refreshedAt = performance.now();
    if (this.#unsavedReason === saved) this.#unsavedReason = undefined;
    for (const pause of this.#pauses) if (!includes(before, pause)) this.#logStart(pause);
    for (const pause of before) if (!includes(this.#pauses, pause)) this.#logEnd(pause);
    if (wasAllPaused && this.reasonAllPaused === undefined) this.#onResume();
  }

  /** Stores a pause that is not stored yet, and returns its reason (undefined: none). @throws if the store fails */
  async save(): Promise<string | undefined> {
    const reason = this.#unsavedReason;
    if (reason !== undefined) await this.#store.pauseDelivery({ type: undefined, by: 'dialler', reason });
    return reason;
  }

  #logStart(pause: DeliveryPause): void {
    const fields = { by: pause.by, ...(pause.type !== undefined && { type: pause.type }) };
    const type = pause.type === undefined ? '' : ` --type ${JSON.stringify(pause.type)}`;
    const command = `leads delivery resume${type}`;
    if (pause.by === 'dialler') {
      this.#log.fatal(fields, `${describePause(pause)} Fix the cause, then run \`${command}\`.`);
    } else {
      this.#log.warn(fields, `${describePause(pause)} Run \`${command}\` to resume.`);
    }
  }

  #logEnd({ type, by }: DeliveryPause): void {
    const fields = { by, ...(type !== undefined && { type }) };
    this.#log.info(fields, `Delivery of ${describePausedTypes(type)} is no longer paused by the ${by}.`);
  }
}

function describePause({ type, by, reason }: Pick<DeliveryPause, 'type' | 'by' | 'reason'>): string {
  return `Delivery of ${describePausedTypes(type)} is paused by the ${by}: ${reason.replace(/\.$/, '')}.`;
}

function includes(pauses: readonly DeliveryPause[], { type, by, reason, since }: DeliveryPause): boolean {
  return pauses.some(
    (each) => each.type === type && each.by === by && each.reason === reason && each.since === since,
  );
}
