import { type SubmissionOutcome, submissionOutcomes } from '../leads/lead.ts';
import type { DeliveryPause } from '../store/delivery-pause.ts';
import type { Activity, AttemptCount, FailedAttempt, Workload } from '../store/watch.ts';
import { printable } from '../text/terminal.ts';
import { pauseView } from './delivery.ts';
import { aligned, time } from './output.ts';

/** Rates are those of so long a time, in milliseconds: shorter ones jump about. */
const rateWindow = 10_000;

/** So many failures are shown. */
const maxFailures = 5;

interface Look {
  at: number;
  submissions: number;
  delivered: number;
  failedAttempts: number;
}

/** What was seen since the watch began. */
export class History {
  #looks: Look[] = [];
  #began: number | undefined;
  readonly byPartner = new Map<string, Map<SubmissionOutcome, number>>();
  failures: FailedAttempt[] = [];
  workload: Workload | undefined;
  pauses: readonly DeliveryPause[] = [];
  at = 0;

  /** @param isFirst for the look that tells only from where to go on */
  add(
    activity: Activity,
    workload: Workload,
    pauses: readonly DeliveryPause[],
    at: number,
    isFirst: boolean,
  ): void {
    this.at = at;
    this.workload = workload;
    this.pauses = pauses;
    this.failures = [...activity.failures, ...this.failures].slice(0, maxFailures);
    if (isFirst) {
      this.#began = at;
      return;
    }
    for (const { partner, outcome, count } of activity.submissions) {
      const counts = this.byPartner.get(partner) ?? new Map();
      this.byPartner.set(partner, counts.set(outcome, (counts.get(outcome) ?? 0) + count));
    }
    const submissions = activity.submissions.reduce((sum, { count }) => sum + count, 0);
    const delivered = countOf(activity.attempts, (outcome) => outcome === 'delivered');
    const failedAttempts = countOf(activity.attempts, (outcome) => outcome !== 'delivered');
    this.#looks.push({ at, submissions, delivered, failedAttempts });
    this.#looks = this.#looks.filter((look) => look.at > at - rateWindow);
  }

  /** How many there were a second, lately. */
  rate(what: 'submissions' | 'delivered' | 'failedAttempts'): number {
    const since = Math.max(this.#began ?? this.at, this.at - rateWindow);
    const count = this.#looks.reduce((sum, look) => sum + look[what], 0);
    return this.at > since ? (count * 1_000) / (this.at - since) : 0;
  }

  /** For how many seconds the first lead in line has been due; 0 where there is none. */
  get lateBy(): number {
    const { nextAttemptAt } = this.workload ?? {};
    return nextAttemptAt === undefined ? 0 : Math.max(0, Math.round((this.at - nextAttemptAt) / 1_000));
  }
}

function countOf(attempts: readonly AttemptCount[], wanted: (outcome: string) => boolean): number {
  return attempts.reduce((sum, { outcome, count }) => sum + (wanted(outcome) ? count : 0), 0);
}

/** One line, for a log or a pipe. */
export function asLine(history: History): string {
  const { byState, due } = history.workload ?? { byState: undefined, due: 0 };
  return [
    time(history.at),
    `intake ${shown(history.rate('submissions'))}/s`,
    `handed over ${shown(history.rate('delivered'))}/s`,
    `not handed over ${shown(history.rate('failedAttempts'))}/s`,
    `due ${due} (first for ${history.lateBy} s)`,
    `scheduled ${byState?.scheduled ?? 0}`,
    `failed ${byState?.failed ?? 0}`,
    `undecided ${history.workload?.undecided ?? 0}`,
    ...history.pauses.map(({ type, by }) => `paused ${printable(type ?? '(all)')} by ${by}`),
    ...(history.pauses.length > 0 ? [`due but paused ${history.workload?.duePaused ?? 0}`] : []),
  ].join('  ');
}

export function asJson(history: History): object {
  return {
    time: time(history.at),
    intake_per_second: rounded(history.rate('submissions')),
    delivered_per_second: rounded(history.rate('delivered')),
    failed_attempts_per_second: rounded(history.rate('failedAttempts')),
    due: history.workload?.due,
    first_due_for_seconds: history.lateBy,
    due_paused: history.workload?.duePaused,
    pauses: history.pauses.map(pauseView.json),
    leads: history.workload?.byState,
    undecided: history.workload?.undecided,
    outcomes: Object.fromEntries(
      Array.from(history.byPartner, ([partner, counts]) => [partner, Object.fromEntries(counts)]),
    ),
  };
}

/** A screenful, for people. */
export function asScreen(history: History): string {
  const { byState, due, undecided } = history.workload ?? { byState: undefined, due: 0, undecided: 0 };
  const late = due === 0 ? '' : `   the first for ${history.lateBy} s`;
  const states = Object.entries(byState ?? {}).map(([state, count]) => `${state} ${count}`);
  const lines = [
    `Leads at ${time(history.at)}   (Ctrl-C ends)`,
    '',
    `Intake            ${shown(history.rate('submissions'))} a second`,
    `Handed over       ${shown(history.rate('delivered'))} a second`,
    `Not handed over   ${shown(history.rate('failedAttempts'))} a second`,
    `Due now           ${due}${late}`,
    `All leads         ${states.join(', ')}`,
    `Undecided         ${undecided}${undecided === 0 ? '' : '   (see `leads lead list --undecided`)'}`,
  ];
  if (history.pauses.length > 0)
    lines.push(
      '',
      `Delivery is paused, and ${history.workload?.duePaused ?? 0} due leads wait:`,
      pauses(history),
    );
  if (history.byPartner.size > 0) lines.push('', 'Since the watch began:', partners(history));
  if (history.failures.length > 0)
    lines.push('', 'The last leads that were not handed over:', failures(history));
  return lines.join('\n');
}

function pauses(history: History): string {
  const rows = history.pauses.map((pause) =>
    Object.values(pauseView.columns).map((cell) => printable(cell(pause))),
  );
  return aligned([Object.keys(pauseView.columns), ...rows]);
}

function partners({ byPartner }: History): string {
  const rows = Array.from(byPartner)
    .toSorted(([one], [other]) => one.localeCompare(other))
    .map(([partner, counts]) => [
      printable(partner),
      ...submissionOutcomes.map((outcome) => String(counts.get(outcome) ?? 0)),
    ]);
  const heading = [
    'PARTNER',
    ...submissionOutcomes.map((outcome) => outcome.toUpperCase().replaceAll('-', ' ')),
  ];
  return aligned([heading, ...rows]);
}

function failures(history: History): string {
  const rows = history.failures.map(({ endedAt, leadId, outcome, response }) => [
    time(endedAt),
    leadId,
    outcome,
    printable(response),
  ]);
  return aligned([['TIME', 'LEAD', 'OUTCOME', 'RESPONSE'], ...rows]);
}

function shown(rate: number): string {
  return rate.toFixed(1);
}

function rounded(rate: number): number {
  return Math.round(rate * 10) / 10;
}
