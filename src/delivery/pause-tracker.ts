import {
  type DeliveryPause,
  type DeliveryPauses,
  describePausedTypes,
  type NewPause,
} from '../store/delivery-pauses.ts';
import { isRestorePause } from '../store/held-leads.ts';
import type { Log } from '../telemetry/log.ts';

/** Minimum time between two reads of the pauses (ms). Each server applies a change within a second. */
const refreshInterval = 250;

/** What follows the end of pauses of all types. */
export interface PauseEvents {
  /** Called when leads can be claimed again. */
  onResume(): void;
  /** Called when a pause that the dialler has caused has ended, or its next trial begins. */
  onDiallerResume(): void;
}

/**
 * Tracks the delivery pauses for one server. The store itself excludes paused leads from every claim. The tracker
 * reports why, logs each change, and stores a pause that this server's dialler caused, so that it applies to all
 * servers. A pause that ends by itself lets leads through again after some time, and ends once the dialler accepts one.
 */
export class PauseTracker {
  readonly #store: DeliveryPauses;
  readonly #log: Log;
  readonly #events: PauseEvents;
  #pauses: readonly DeliveryPause[] = [];
  /** Pauses that this server's dialler caused and that are not stored yet. */
  #unsaved: readonly NewPause[] = [];
  /** Those that are stored, but have not been read since. */
  #unread: readonly NewPause[] = [];
  /** Whether the delivery of all types was paused since the last refresh. */
  #wasBlocked = false;
  /** Whether a dialler had paused the delivery of all types since the last refresh. */
  #wasBlockedByDialler = false;
  /** Time of the last read of the pauses (`performance.now()`). */
  #refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(store: DeliveryPauses, log: Log, events: PauseEvents) {
    this.#store = store;
    this.#log = log;
    this.#events = events;
  }

  /** Why the delivery of all types is paused (a sentence); undefined: it is not paused. */
  get reasonAllPaused(): string | undefined {
    const pause = this.#known.find(({ type }) => type === undefined);
    return pause && describePause(pause);
  }

  /** Description of all pauses (sentences); undefined: there are none. */
  get description(): string | undefined {
    return this.reasonAllPaused ?? (this.#pauses.map(describePause).join(' ') || undefined);
  }

  /** Whether a pause of all types prevents every claim at this time. */
  get isBlocked(): boolean {
    return this.#blocking.length > 0;
  }

  /** Whether a pause of all types that the dialler or its configuration has caused is in force at this time. */
  get isBlockedByDialler(): boolean {
    return this.#blocking.some(({ by }) => by === 'dialler');
  }

  get #blocking(): NewPause[] {
    const now = Date.now();
    return this.#known.filter(
      ({ type, retryAt }) => type === undefined && (retryAt === undefined || retryAt > now),
    );
  }

  /** Whether a lead of a type is sent during a pause, to find out whether its cause was corrected. */
  isTrial(leadType: string): boolean {
    return this.#trials(leadType).length > 0;
  }

  /**
   * Pauses delivery: on this server immediately if it concerns all types, on the others once the pause is stored. Of
   * several pauses of the same types, one that an operator must end is kept.
   */
  pause(pause: Omit<NewPause, 'by'>): void {
    const earlier = this.#unsaved.find(({ type }) => type === pause.type);
    if (earlier !== undefined && (earlier.retryAt === undefined || pause.retryAt !== undefined)) return;
    const others = this.#unsaved.filter((each) => each !== earlier);
    this.#unsaved = [...others, { ...pause, by: 'dialler' }];
    this.#wasBlocked ||= this.isBlocked;
    this.#wasBlockedByDialler ||= this.isBlockedByDialler;
    this.#refreshedAt = Number.NEGATIVE_INFINITY;
  }

  /** Ends the pauses during which a lead of a type was sent for trial, because the dialler has accepted it. */
  async endTrials(leadType: string): Promise<void> {
    for (const { type } of this.#trials(leadType)) await this.#store.endDiallerPause(type);
    this.#refreshedAt = Number.NEGATIVE_INFINITY;
  }

  /** Stores new pauses and reads all pauses, at most every 250 ms. @throws if the store fails */
  async refresh(): Promise<void> {
    if (performance.now() >= this.#refreshedAt + refreshInterval) await this.#read();
    const { isBlocked, isBlockedByDialler } = this;
    if (this.#wasBlockedByDialler && !isBlockedByDialler) this.#events.onDiallerResume();
    if (this.#wasBlocked && !isBlocked) this.#events.onResume();
    this.#wasBlocked = isBlocked;
    this.#wasBlockedByDialler = isBlockedByDialler;
  }

  /** Stores the pauses that are not stored yet. @throws if the store fails */
  async save(): Promise<void> {
    for (const pause of this.#unsaved) {
      await this.#store.pauseDelivery(pause);
      this.#unsaved = this.#unsaved.filter((each) => each !== pause);
      this.#unread = [...this.#unread, pause];
    }
  }

  get #known(): readonly NewPause[] {
    return [...this.#unsaved, ...this.#unread, ...this.#pauses];
  }

  async #read(): Promise<void> {
    const before = this.#pauses;
    await this.save();
    const unread = this.#unread;
    this.#pauses = await this.#store.pauses();
    this.#refreshedAt = performance.now();
    this.#unread = this.#unread.filter((each) => !unread.includes(each));
    for (const pause of this.#pauses) if (!includes(before, pause)) this.#logStart(pause);
    for (const pause of before) if (!this.#pauses.some((each) => isSame(each, pause))) this.#logEnd(pause);
  }

  #trials(leadType: string): DeliveryPause[] {
    return this.#pauses.filter(
      ({ type, by, retryAt }) =>
        by === 'dialler' && retryAt !== undefined && (type === undefined || type === leadType),
    );
  }

  #logStart(pause: DeliveryPause): void {
    const fields = { by: pause.by, ...(pause.type !== undefined && { type: pause.type }) };
    const type = pause.type === undefined ? '' : ` --type ${JSON.stringify(pause.type)}`;
    const command = `leads delivery resume${type}`;
    if (isRestorePause(pause)) {
      this.#log.warn(fields, `${describePause(pause)} Then run \`${command}\`.`);
    } else if (pause.by === 'operator') {
      this.#log.warn(fields, `${describePause(pause)} Run \`${command}\` to resume.`);
    } else if (pause.retryAt === undefined) {
      this.#log.fatal(fields, `${describePause(pause)} Fix the cause, then run \`${command}\`.`);
    } else {
      this.#log.fatal(fields, `${describePause(pause)} Fix the cause; delivery then resumes by itself.`);
    }
  }

  #logEnd({ type, by }: DeliveryPause): void {
    const fields = { by, ...(type !== undefined && { type }) };
    this.#log.info(fields, `Delivery of ${describePausedTypes(type)} is no longer paused by the ${by}.`);
  }
}

function describePause({ type, by, reason }: NewPause): string {
  return `Delivery of ${describePausedTypes(type)} is paused by the ${by}: ${reason.replace(/\.$/, '')}.`;
}

/** Whether two pauses are the same, possibly with another reason or time of the next trial. */
function isSame(one: DeliveryPause, other: DeliveryPause): boolean {
  return one.type === other.type && one.by === other.by && one.since === other.since;
}

function includes(pauses: readonly DeliveryPause[], pause: DeliveryPause): boolean {
  return pauses.some((each) => isSame(each, pause) && each.reason === pause.reason);
}
