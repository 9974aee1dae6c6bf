import { isDeepStrictEqual } from 'node:util';
import type { Store } from '../../src/store/store.ts';
import type { ReceivedResponse } from '../harness/contract.ts';

/** Result of all rounds. The four lists must be empty. */
export interface CrashReport {
  rounds: number;
  /** Number of submissions reported as saved. */
  acknowledged: number;
  /** Number of cancellations that got a response. */
  cancellations: number;
  /** Number of those with `"cancelled": true`. */
  cancelled: number;
  /** Number of leads printed by `leads due --take`. */
  printed: number;
  /** Number of requests without a response that were sent again to the next server. */
  resent: number;
  /** Number of those that were saved before the crash, according to their idempotency key. */
  replayed: number;
  /** Acknowledged, but missing from the store or stored differently. */
  lost: string[];
  /**
   * People with two leads, with more submissions than were acknowledged, or with a lead that was recorded as delivered
   * twice.
   */
  duplicated: string[];
  /** People whose lead is scheduled, or was delivered, after its cancellation was acknowledged. */
  calledAfterCancellation: string[];
  /** Responses that neither a first request nor its repetition may get. */
  wrongResponses: string[];
}

/** A request that is sent until a server responds, or only once. */
export interface PlannedRequest {
  id: 'addLead' | 'addLeads' | 'cancelLead';
  mobile: string;
  body: Record<string, unknown>;
  idempotencyKey: string | undefined;
  /** Whether another request may have cancelled the person's lead before. */
  isRepeated: boolean;
}

/** Maximum number of leads that `leads due --take` prints before it records them. */
const step = 50;

/** Records every response and printed lead, and compares them with the store at the end. */
export class CrashLedger {
  readonly report: CrashReport = {
    rounds: 0,
    acknowledged: 0,
    cancellations: 0,
    cancelled: 0,
    printed: 0,
    resent: 0,
    replayed: 0,
    lost: [],
    duplicated: [],
    calledAfterCancellation: [],
    wrongResponses: [],
  };
  /** Ids of accepted leads by mobile. */
  readonly #accepted = new Map<string, string>();
  /**
   * Bodies of the requests by mobile, as they were sent: of each acknowledged add, and of each person's cancellations.
   */
  readonly #added = new Map<string, string[]>();
  readonly #cancelledWith = new Map<string, string>();
  /** Warnings in the responses to cancellations by mobile; null: cancelled. */
  readonly #cancellations = new Map<string, (string | null)[]>();
  /** Ids of printed leads by run of `leads due --take`. */
  readonly #takes: Set<string>[] = [];
  readonly #printed = new Map<string, string>();

  /** Records a response. */
  note(response: ReceivedResponse, sending: PlannedRequest): void {
    const isReplayed = response.headers['idempotent-replayed'] === 'true';
    if (isReplayed) this.report.replayed += 1;
    if (!this.#isUnderstood(response, sending)) {
      this.report.wrongResponses.push(`${sending.id} ${sending.mobile}: ${response.status} ${response.text}`);
    }
  }

  /** Records the complete lines that a run of `leads due --take --json` printed. */
  notePrinted(lines: readonly string[]): void {
    const leads = lines.map((line): { id: string; mobile: string } => JSON.parse(line));
    for (const { id, mobile } of leads) {
      const before = this.#printed.get(mobile);
      if (before !== undefined && before !== id)
        this.report.duplicated.push(`${mobile}: printed under two ids`);
      this.#printed.set(mobile, id);
    }
    this.#takes.push(new Set(leads.map(({ id }) => id)));
    this.report.printed += leads.length;
  }

  /** Returns the people delivered last, who can neither be accepted nor cancelled any more. */
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
      if (delivered.length > 1) this.report.duplicated.push(`${mobile}: recorded as delivered twice`);
    }
    return this.report;
  }

  #isUnderstood(response: ReceivedResponse, sending: PlannedRequest): boolean {
    if (sending.id === 'cancelLead') return this.#noteCancel(response, sending);
    const { mobile, body } = sending;
    if (sending.id === 'addLeads') return this.#noteRows(response, body['leads']);
    return this.#noteAdd(response.json, response.headers['lead-id'], mobile, body);
  }

  #noteAdd(reported: unknown, leadId: string | undefined, mobile: string, body: object): boolean {
    const { saved, processed } = Object(reported);
    if (saved !== true) return false;
    this.report.acknowledged += 1;
    this.#added.set(mobile, [...(this.#added.get(mobile) ?? []), JSON.stringify(body)]);
    if (!processed) return true;
    if (this.#accepted.has(mobile)) this.report.wrongResponses.push(`${mobile}: accepted twice`);
    this.#accepted.set(mobile, leadId ?? '');
    return true;
  }

  /** Records the results of rows. Each row must be saved, because all are valid. */
  #noteRows({ json }: ReceivedResponse, rows: unknown): boolean {
    const { results } = Object(json);
    if (!Array.isArray(rows) || results?.length !== rows.length) return false;
    return rows.every(({ ref, ...lead }, index) => {
      const result = results[index];
      return result.ref === ref && this.#noteAdd(result.body, result.lead_id, lead.mobile, lead);
    });
  }

  #noteCancel(response: ReceivedResponse, { mobile, body, isRepeated }: PlannedRequest): boolean {
    const { cancelled, warning } = Object(response.json);
    if (response.status !== 200 || typeof cancelled !== 'boolean') return false;
    this.report.cancellations += 1;
    const warnings = this.#cancellations.get(mobile) ?? [];
    warnings.push(cancelled ? null : warning);
    this.#cancellations.set(mobile, warnings);
    this.#cancelledWith.set(mobile, JSON.stringify(body));
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
      if (stored.has(mobile)) this.report.duplicated.push(`${mobile}: two leads`);
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
        this.report.lost.push(`${unrecorded.length} leads were printed by one run and not recorded`);
    }
  }

  /** Each request is sent until it is acknowledged, so every stored submission must be an acknowledged one. */
  async #compareSubmissions(store: Store): Promise<void> {
    const stored = new Map<string, string[]>();
    for await (const { mobile, content } of store.submissions({}, Number.MAX_SAFE_INTEGER))
      stored.set(mobile, [...(stored.get(mobile) ?? []), content]);
    for (const mobile of new Set([...this.#added.keys(), ...stored.keys()])) {
      const sent = this.#added.get(mobile) ?? [];
      const found = stored.get(mobile) ?? [];
      if (found.length > sent.length)
        this.report.duplicated.push(
          `${mobile}: ${sent.length} adds were acknowledged, ${found.length} are stored`,
        );
      else if (!isDeepStrictEqual(found.toSorted(), sent.toSorted()))
        this.report.lost.push(`${mobile}: ${sent} were acknowledged, ${found} are stored`);
    }
  }

  async #compareCancellations(
    store: Store,
    mobile: string,
    warnings: readonly (string | null)[],
  ): Promise<void> {
    const records = await Array.fromAsync(store.cancellations(mobile));
    const stored = records.map(({ outcome }) => outcome);
    for (const { content } of records) {
      if (content !== this.#cancelledWith.get(mobile))
        this.report.lost.push(`${mobile}: a cancellation is stored as ${content}`);
    }
    for (const [warning, outcome] of [
      [null, 'cancelled'],
      ['not found', 'not-found'],
      ['already processed', 'already-processed'],
    ] as const) {
      const reported = warnings.filter((each) => each === warning).length;
      const found = stored.filter((each) => each === outcome).length;
      if (found < reported)
        this.report.lost.push(`${mobile}: a cancellation reported as ${outcome} is not stored`);
    }
    if (stored.filter((each) => each === 'cancelled').length > 1)
      this.report.wrongResponses.push(`${mobile}: cancelled twice`);
  }
}
