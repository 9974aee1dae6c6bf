import type { SubmissionOutcome } from '../leads/lead.ts';
import type { DeliveryPause } from '../store/delivery-pauses.ts';
import type { Activity, AttemptCount, FailedAttempt, LeadStats } from '../store/watch.ts';
import { printable } from '../text/terminal.ts';
import { formatTime } from '../text/time.ts';
import { pauseView } from './delivery.ts';

/** Time over which rates are averaged (ms). */
const rateWindow = 10_000;

/** Maximum number of failed attempts on the screen. */
const maxFailures = 5;

/** The activity between two refreshes. */
interface Sample {
  /** Time of the second refresh (ms since 1970). */
  at: number;
  submissions: number;
  delivered: number;
  failedAttempts: number;
}

/** The activity since the watch started, and the state at the last refresh. */
export class ActivityHistory {
  #samples: Sample[] = [];
  #startedAt: number | undefined;
  /** Number of submissions since the watch started, by partner and outcome. */
  readonly byPartner = new Map<string, Map<SubmissionOutcome, number>>();
  /** The latest failed attempts, newest first. */
  failures: FailedAttempt[] = [];
  leadStats: LeadStats | undefined;
  pauses: readonly DeliveryPause[] = [];
  /** Time of the last refresh (ms since 1970). */
  at = 0;

  /** Adds a refresh. @param isFirst whether the activity is from before the watch started, so that it is not counted */
  add(
    activity: Activity,
    leadStats: LeadStats,
    pauses: readonly DeliveryPause[],
    at: number,
    isFirst: boolean,
  ): void {
    this.at = at;
    this.leadStats = leadStats;
    this.pauses = pauses;
    const ids = new Set(activity.failures.map(({ id }) => id));
    const earlier = this.failures.filter(({ id }) => !ids.has(id));
    this.failures = [...activity.failures, ...earlier].slice(0, maxFailures);
    if (isFirst) {
      this.#startedAt = at;
      return;
    }
    for (const { partner, outcome, count } of activity.submissions) {
      const counts = this.byPartner.get(partner) ?? new Map();
      this.byPartner.set(partner, counts.set(outcome, (counts.get(outcome) ?? 0) + count));
    }
    const submissions = activity.submissions.reduce((sum, { count }) => sum + count, 0);
    const delivered = countAttempts(activity.attempts, (outcome) => outcome === 'delivered');
    const failedAttempts = countAttempts(activity.attempts, (outcome) => outcome !== 'delivered');
    this.#samples.push({ at, submissions, delivered, failedAttempts });
    this.#samples = this.#samples.filter((sample) => sample.at > at - rateWindow);
  }

  /** Returns the recent rate (per second). */
  rate(counter: 'submissions' | 'delivered' | 'failedAttempts'): number {
    const since = Math.max(this.#startedAt ?? this.at, this.at - rateWindow);
    const count = this.#samples.reduce((sum, sample) => sum + sample[counter], 0);
    return this.at > since ? (count * 1_000) / (this.at - since) : 0;
  }

  /** Time for which the first lead that can be delivered now could have been delivered (s); 0: there is none. */
  get oldestDueSeconds(): number {
    const { nextAttemptAt } = this.leadStats ?? {};
    return nextAttemptAt === undefined ? 0 : Math.max(0, Math.round((this.at - nextAttemptAt) / 1_000));
  }

  /** Time since the first lead that waits for a retry was due (s); 0: there is none. */
  get waitingSeconds(): number {
    const { waitingSince = this.at } = this.leadStats ?? {};
    return Math.max(0, Math.round((this.at - waitingSince) / 1_000));
  }
}

function countAttempts(attempts: readonly AttemptCount[], matches: (outcome: string) => boolean): number {
  return attempts.reduce((sum, { outcome, count }) => sum + (matches(outcome) ? count : 0), 0);
}

/** Formats the current state as one line, for a log or a pipe. */
export function formatLine(history: ActivityHistory): string {
  const { byState, due } = history.leadStats ?? { byState: undefined, due: 0 };
  const waiting = history.leadStats?.waitingForRetry ?? 0;
  return [
    formatTime(history.at),
    `intake ${formatRate(history.rate('submissions'))}/s`,
    `delivered ${formatRate(history.rate('delivered'))}/s`,
    `failed attempts ${formatRate(history.rate('failedAttempts'))}/s`,
    `deliverable ${due}${due === 0 ? '' : ` (the first for ${history.oldestDueSeconds} s)`}`,
    `waiting for a retry ${waiting}${waiting === 0 ? '' : ` (the first was due ${history.waitingSeconds} s ago)`}`,
    ...(history.leadStats?.notPermitted ?? []).map(
      ({ waitsFor, count }) => `waiting for ${waitsFor} ${count}`,
    ),
    `scheduled ${byState?.scheduled ?? 0}`,
    `held ${byState?.held ?? 0}`,
    `failed ${byState?.failed ?? 0}`,
    `undecided ${history.leadStats?.undecided ?? 0}`,
    ...history.pauses.map(({ type, by }) => `paused ${printable(type ?? '(all)')} by ${by}`),
    ...(history.pauses.length > 0 ? [`deliverable but paused ${history.leadStats?.duePaused ?? 0}`] : []),
  ].join('  ');
}

/** Members of the JSON output. */
export const watchMembers = {
  time: 'time of the refresh (ISO 8601)',
  intake_per_second: 'submissions per second, averaged over ten seconds',
  delivered_per_second: 'delivered leads per second, averaged over ten seconds',
  failed_attempts_per_second: 'failed delivery attempts per second, averaged over ten seconds',
  due: 'number of leads that can be delivered now; those in flight, waiting for a retry, or paused do not count',
  first_due_for_seconds:
    'time for which the first of them could have been delivered (seconds); 0: there are none',
  waiting_for_retry:
    'number of leads whose last attempt failed, and whose next one is later; paused leads do not count',
  first_waiting_for_seconds: 'time since the first of them was due (seconds); 0: there are none',
  not_permitted: 'numbers of leads that may not be delivered yet, by what they wait for',
  due_paused: 'number of leads that could be delivered now if their delivery were not paused',
  pauses: 'as `leads delivery list --json` prints them',
  leads: 'number of leads by state',
  undecided: 'number of failed leads that may have reached the dialler',
  outcomes: 'number of submissions since the watch started, by partner and outcome',
};

/** Returns the current state as JSON. */
export function toJson(history: ActivityHistory): Record<keyof typeof watchMembers, unknown> {
  return {
    time: formatTime(history.at),
    intake_per_second: roundRate(history.rate('submissions')),
    delivered_per_second: roundRate(history.rate('delivered')),
    failed_attempts_per_second: roundRate(history.rate('failedAttempts')),
    due: history.leadStats?.due,
    first_due_for_seconds: history.oldestDueSeconds,
    waiting_for_retry: history.leadStats?.waitingForRetry,
    first_waiting_for_seconds: history.waitingSeconds,
    not_permitted: Object.fromEntries(
      (history.leadStats?.notPermitted ?? []).map(({ waitsFor, count }) => [waitsFor, count]),
    ),
    due_paused: history.leadStats?.duePaused,
    pauses: history.pauses.map(pauseView.json),
    leads: history.leadStats?.byState,
    undecided: history.leadStats?.undecided,
    outcomes: Object.fromEntries(
      Array.from(history.byPartner, ([partner, counts]) => [partner, Object.fromEntries(counts)]),
    ),
  };
}

/** Formats a rate (per second). */
export function formatRate(rate: number): string {
  return rate.toFixed(1);
}

function roundRate(rate: number): number {
  return Math.round(rate * 10) / 10;
}
