import type { Store } from '../../src/store/store.ts';
import type { ReceivedResponse } from '../harness/contract.ts';

/** What all rounds came to. Nothing may be in the four lists. */
export interface CrashReport {
  rounds: number;
  /** How many submissions were answered that they are saved. */
  acknowledged: number;
  /** How many cancellations were answered. */
  cancellations: number;
  /** How many of those were answered `"cancelled": true`. */
  cancelled: number;
  /** How many leads `leads due --take` printed. */
  printed: number;
  /** How many requests got no answer, and were sent again to the next server. */
  sentAgain: number;
  /** How many of those turned out to have been saved before the crash, by their idempotency key. */
  hadBeenSaved: number;
  /** Acknowledged, and not in the store, or not as it was acknowledged. */
  lost: string[];
  /** People with two leads, or whose lead was recorded as delivered twice. */
  takenTwice: string[];
  /** People whose lead is scheduled or was delivered after its cancellation was acknowledged. */
  calledAfterCancellation: string[];
  /** Answered otherwise than a first attempt or its repetition can be. */
  wronglyAnswered: string[];
}

/** One request, sent once, or until somebody answers. */
export interface Sending {
  id: 'addLead' | 'cancelLead';
  mobile: string;
  /** Seconds until the lead is due. */
  delays: number;
  idempotencyKey: string | undefined;
  /** Whether another request could have cancelled the person's lead before this one. */
  isRepeated: boolean;
}

/** Maximum number of leads that `leads due --take` prints before it records them. */
const step = 50;

/** Everything that senders and takers were told, to be compared with the store in the end. */
export class CrashLedger {
  readonly report: CrashReport = {
    rounds: 0,
    acknowledged: 0,
    cancellations: 0,
    cancelled: 0,
    printed: 0,
    sentAgain: 0,
    hadBeenSaved: 0,
    lost: [],
    takenTwice: [],
    calledAfterCancellation: [],
    wronglyAnswered: [],
  };
  /** The ids of the leads that were accepted, by mobile. */
  readonly #accepted = new Map<string, string>();
  /** What was answered to each stored cancellation of a person: null, or the warning. */
  readonly #cancellations = new Map<string, (string | null)[]>();
  /** The ids of printed leads, by take. */
  readonly #takes: Set<string>[] = [];
  readonly #printed = new Map<string, string>();

  /** Notes what a sender was told. */
  note(answer: ReceivedResponse, sending: Sending): void {
    const isReplayed = answer.headers['idempotent-replayed'] === 'true';
    if (isReplayed) this.report.hadBeenSaved += 1;
    const isUnderstood =
      sending.id === 'addLead' ? this.#noteAdd(answer, sending) : this.#noteCancel(answer, sending);
    if (!isUnderstood) {
      this.report.wronglyAnswered.push(`${sending.id} ${sending.mobile}: ${answer.status} ${answer.text}`);
    }
  }

  /** Notes the whole lines that one run of `leads due --take --json` printed. */
  notePrinted(lines: readonly string[]): void {
    const leads = lines.map((line): { id: string; mobile: string } => JSON.parse(line));
    for (const { id, mobile } of leads) {
      const before = this.#printed.get(mobile);
      if (before !== undefined && before !== id)
        this.report.takenTwice.push(`${mobile}: printed under two ids`);
      this.#printed.set(mobile, id);
    }
    this.#takes.push(new Set(leads.map(({ id }) => id)));
    this.report.printed += leads.length;
  }

  /** Returns the people who were delivered last, so that nobody may accept or cancel them any more. */
  delivered(): string[] {
    return [...this.#printed.keys()].slice(-step);
  }

  /** Compares what was acknowledged with what is stored. */
  async compare(store: Store): Promise<CrashReport> {
    await this.#compareLeads(store);
    await this.#compareSubmissions(store);
    for (const [mobile, warnings] of this.#cancellations)
      await this.#compareCancellations(store, mobile, warnings);
    for (const mobile of this.#printed.keys()) {
      const delivered = (await Array.fromAsync(store.attempts(mobile))).filter(
        ({ outcome }) => outcome === 'delivered',
      );
      if (delivered.length > 1) this.report.takenTwice.push(`${mobile}: recorded as delivered twice`);
    }
    return this.report;
  }

  #noteAdd(answer: ReceivedResponse, { mobile }: Sending): boolean {
    const { saved, processed } = Object(answer.json);
    if (saved !== true) return false;
    this.report.acknowledged += 1;
    if (!processed) return true;
    if (this.#accepted.has(mobile)) this.report.wronglyAnswered.push(`${mobile}: accepted twice`);
    this.#accepted.set(mobile, answer.headers['lead-id'] ?? '');
    return true;
  }

  #noteCancel(answer: ReceivedResponse, { mobile, isRepeated }: Sending): boolean {
    const { cancelled, warning } = Object(answer.json);
    if (answer.status !== 200 || typeof cancelled !== 'boolean') return false;
    this.report.cancellations += 1;
    const warnings = this.#cancellations.get(mobile) ?? [];
    warnings.push(cancelled ? null : warning);
    this.#cancellations.set(mobile, warnings);
    if (cancelled) {
      this.report.cancelled += 1;
      return warnings.filter((each) => each === null).length === 1;
    }
    return warning === 'already processed' || (warning === 'not found' && isRepeated);
  }

  async #compareLeads(store: Store): Promise<void> {
    const stored = new Map<string, string>();
    const dialled = new Set<string>();
    for await (const { mobile, id, state } of store.leads({}, Number.MAX_SAFE_INTEGER)) {
      if (stored.has(mobile)) this.report.takenTwice.push(`${mobile}: two leads`);
      stored.set(mobile, id);
      if (state === 'dialled') dialled.add(id);
      const isCancelled = this.#cancellations.get(mobile)?.includes(null) === true;
      if (isCancelled && (state !== 'cancelled' || this.#printed.has(mobile)))
        this.report.calledAfterCancellation.push(`${mobile}: ${state}`);
    }
    for (const [mobile, id] of this.#accepted) {
      if (stored.get(mobile) !== id) this.report.lost.push(mobile);
    }
    for (const take of this.#takes) {
      const unrecorded = [...take].filter((id) => !dialled.has(id));
      if (unrecorded.length > step)
        this.report.lost.push(`${unrecorded.length} leads of a take were printed and not recorded`);
    }
  }

  async #compareSubmissions(store: Store): Promise<void> {
    let saved = 0;
    for await (const _ of store.submissions({}, Number.MAX_SAFE_INTEGER)) saved += 1;
    const { acknowledged } = this.report;
    if (saved < acknowledged) this.report.lost.push(`${acknowledged} were acknowledged, ${saved} are stored`);
  }

  async #compareCancellations(
    store: Store,
    mobile: string,
    warnings: readonly (string | null)[],
  ): Promise<void> {
    const stored = (await Array.fromAsync(store.cancellations(mobile))).map(({ outcome }) => outcome);
    for (const [warning, outcome] of [
      [null, 'cancelled'],
      ['not found', 'not-found'],
      ['already processed', 'already-processed'],
    ] as const) {
      const told = warnings.filter((each) => each === warning).length;
      const kept = stored.filter((each) => each === outcome).length;
      if (kept < told) this.report.lost.push(`${mobile}: cancellation answered ${outcome} is not stored`);
    }
    if (stored.filter((each) => each === 'cancelled').length > 1)
      this.report.wronglyAnswered.push(`${mobile}: cancelled twice`);
  }
}
