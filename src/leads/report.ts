import { type CallResult, callResults } from './call-result.ts';
import { type LeadState, type ReportedState, reportedState, type SubmissionOutcome } from './lead.ts';

/** A stored submission, as a report counts it. Contains no personal data. */
export interface ReportedSubmission {
  partner: string;
  receivedAt: number;
  /** Name of the lead type; null: no type has the name that was sent. */
  type: string | null;
  /** Outcome of its last run. */
  outcome: SubmissionOutcome;
  /** State of the lead that it created; null: it created none, or the lead was pruned. */
  state: LeadState | null;
  dueAt: number | null;
  /** When the lead was delivered to the dialler; null: it was not. */
  dialledAt: number | null;
  /** Result of the latest call of the lead with one; null: none was reported. */
  result: CallResult | null;
}

/** Requests to add leads, and rows of such requests, that were rejected on one day for one reason. */
export interface ReportedRejections {
  partner: string;
  /** Start of the day in UTC (ms since 1970). */
  day: number;
  outcome: string;
  reason: string;
  count: number;
}

/** What the rows of a report can stand for. */
export const reportGroupings = ['partner', 'day', 'type', 'outcome'] as const;

/** What each row of a report stands for. */
export type ReportGrouping = (typeof reportGroupings)[number];

/** What was sent in a period, and what became of the leads. */
export interface ReportFigures {
  /** Number of leads that were sent, whether or not they were accepted. */
  requests: number;
  accepted: number;
  /** Leads of people who had a lead of the type, or had been contacted. */
  duplicates: number;
  unknownTypes: number;
  /** Leads of people who must not be called. */
  doNotCall: number;
  /** Requests and rows that broke a rule, such as those with an invalid field. They were not stored. */
  rejected: number;
  /** Numbers of rejected requests and rows by reason. */
  rejectedByReason: ReadonlyMap<string, number>;
  /** Numbers of the accepted leads by their present state. */
  states: Readonly<Record<ReportedState, number>>;
  /** Numbers of the delivered leads by the result of their latest call with one. */
  results: Readonly<Record<CallResult, number>>;
  /** Median of the time from when a call was due until the lead was delivered (ms); null: none was delivered. */
  medianDeliveryTime: number | null;
}

/** A row of a report. */
export interface ReportRow extends ReportFigures {
  /** What it stands for, such as the name of a partner or a day (`2026-11-23`); null: unknown lead types. */
  group: string | null;
}

/** Which figure each outcome of a submission counts in. */
const figureOf = {
  accepted: 'accepted',
  'already-scheduled': 'duplicates',
  'existing-contact': 'duplicates',
  'unknown-type': 'unknownTypes',
  'do-not-call': 'doNotCall',
} as const satisfies Record<SubmissionOutcome, keyof ReportFigures>;

/** Counts the submissions and rejections of a period. */
export class Report {
  readonly #grouping: ReportGrouping;
  readonly #total = new Tally();
  readonly #groups = new Map<string | null, Tally>();

  constructor(grouping: ReportGrouping) {
    this.#grouping = grouping;
  }

  /** Counts a submission, and what became of its lead. */
  addSubmission(submission: ReportedSubmission): void {
    // Which types exist is not revealed to a partner for whom they are not enabled.
    const type = submission.outcome === 'unknown-type' ? null : submission.type;
    const day = dayOf(submission.receivedAt);
    const group = { partner: submission.partner, day, type, outcome: submission.outcome }[this.#grouping];
    for (const tally of this.#talliesOf(group)) tally.addSubmission(submission);
  }

  /** Counts rejected requests. They count in no lead type, because their fields were not read. */
  addRejections(rejections: ReportedRejections): void {
    const { partner, day, outcome } = rejections;
    const group = { partner, day: dayOf(day), type: null, outcome }[this.#grouping];
    for (const tally of this.#talliesOf(group)) tally.addRejections(rejections);
  }

  /** The rows in the order of what they stand for. */
  get rows(): ReportRow[] {
    const rows = [...this.#groups].map(([group, tally]) => ({ group, ...tally.figures }));
    return rows.toSorted((one, other) => compare(one.group, other.group));
  }

  /** The figures of all rows together. */
  get total(): ReportFigures {
    return this.#total.figures;
  }

  #talliesOf(group: string | null): Tally[] {
    const tally = this.#groups.get(group) ?? new Tally();
    this.#groups.set(group, tally);
    return [tally, this.#total];
  }
}

/** The figures of a row while they are counted. */
class Tally {
  readonly #counts = { requests: 0, accepted: 0, duplicates: 0, unknownTypes: 0, doNotCall: 0, rejected: 0 };
  readonly #rejectedByReason = new Map<string, number>();
  readonly #states = { scheduled: 0, dialled: 0, cancelled: 0, failed: 0, expired: 0, suppressed: 0 };
  // The cast: there is an entry for each of the keys.
  readonly #results = Object.fromEntries(callResults.map((each) => [each, 0])) as Record<CallResult, number>;
  readonly #deliveryTimes: number[] = [];

  addSubmission({ outcome, state, result, dueAt, dialledAt }: ReportedSubmission): void {
    this.#counts.requests += 1;
    this.#counts[figureOf[outcome]] += 1;
    if (state !== null) this.#states[reportedState(state)] += 1;
    if (result !== null) this.#results[result] += 1;
    if (dialledAt !== null && dueAt !== null) this.#deliveryTimes.push(Math.max(0, dialledAt - dueAt));
  }

  addRejections({ reason, count }: ReportedRejections): void {
    this.#counts.requests += count;
    this.#counts.rejected += count;
    this.#rejectedByReason.set(reason, (this.#rejectedByReason.get(reason) ?? 0) + count);
  }

  get figures(): ReportFigures {
    return {
      ...this.#counts,
      rejectedByReason: this.#rejectedByReason,
      states: this.#states,
      results: this.#results,
      medianDeliveryTime: medianOf(this.#deliveryTimes),
    };
  }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** Sorts unknown lead types last. */
function compare(one: string | null, other: string | null): number {
  if (one === other) return 0;
  if (one === null) return 1;
  return other !== null && one < other ? -1 : 1;
}

/** Returns the median, between two numbers their mean; null: there are no numbers. */
function medianOf(numbers: readonly number[]): number | null {
  if (numbers.length === 0) return null;
  const sorted = Float64Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : Math.round((upper + (sorted[middle - 1] ?? upper)) / 2);
}
