import { type SubmissionOutcome, submissionOutcomes } from '../leads/lead.ts';
import type { FailedAttempt } from '../store/watch.ts';
import { formatTime } from '../text/time.ts';
import { pauseView } from './delivery.ts';
import type { TerminalSize } from './output.ts';
import { formatTable, type TableView } from './table.ts';
import { type ActivityHistory, formatRate } from './watch-view.ts';

/** Formats the current state as a screen. Its tables are shortened so that the title and the totals stay visible. */
export function formatScreen(history: ActivityHistory, size: TerminalSize = {}): string {
  const { columns, rows = Number.POSITIVE_INFINITY } = size;
  const totals = formatTotals(history, columns, rows);
  // The cursor is on the last line, below the screen.
  const room = rows - 1 - totals.split('\n').length;
  const sections = [pausesSection(history), partnersSection(history), failuresSection(history)]
    .filter((section) => section !== undefined)
    .map((section) => section(columns));
  const tables = shareRoom(sections, room).map(({ section, height }) => section.format(height));
  return [totals, ...tables].join('\n');
}

/** Width of the labels of the screen. */
const labelWidth = 18;

/** Minimum number of rows of a terminal in which an empty line follows the title. */
const minRowsForGap = 12;

/** Formats the title and the totals. */
function formatTotals(history: ActivityHistory, width: number | undefined, rows: number): string {
  const none = { byState: undefined, due: 0, waitingForRetry: 0, notPermitted: [], undecided: 0 };
  const { byState, due, waitingForRetry, notPermitted, undecided } = history.leadStats ?? none;
  const oldest = due === 0 ? '' : `   (the first for ${history.oldestDueSeconds} s)`;
  const waiting = waitingForRetry === 0 ? '' : `   (the first was due ${history.waitingSeconds} s ago)`;
  const states = Object.entries(byState ?? {})
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${state} ${count}`);
  return [
    `Leads at ${formatTime(history.at)}   (press Ctrl-C to quit)`,
    ...(rows < minRowsForGap ? [] : ['']),
    `Intake            ${formatRate(history.rate('submissions'))} per second`,
    `Delivered         ${formatRate(history.rate('delivered'))} per second`,
    `Failed attempts   ${formatRate(history.rate('failedAttempts'))} per second`,
    `Deliverable now   ${due}${oldest}`,
    `Waiting for retry ${waitingForRetry}${waiting}`,
    ...notPermitted.map(({ waitsFor, count }) => `Not permitted yet ${count}   (${waitsFor})`),
    `All leads         ${states.length === 0 ? '0' : joinWithin(states, width)}`,
    `Undecided         ${undecided}${undecided === 0 ? '' : '   (run `leads lead list --undecided`)'}`,
  ].join('\n');
}

/** Joins the items of a list next to a label, on as many lines as the terminal needs. */
function joinWithin(items: readonly string[], width = Number.POSITIVE_INFINITY): string {
  const lines: string[] = [];
  for (const [index, item] of items.entries()) {
    const text = index < items.length - 1 ? `${item},` : item;
    const line = lines.at(-1);
    if (line === undefined || labelWidth + line.length + 1 + text.length > width) lines.push(text);
    else lines[lines.length - 1] = `${line} ${text}`;
  }
  return lines.join(`\n${' '.repeat(labelWidth)}`);
}

/** A table of the screen. */
interface Section {
  /** Number of lines of the whole table. */
  maxHeight: number;
  /** Number of lines with one row. */
  minHeight: number;
  /** Formats it in a limited number of lines, at least `minHeight`. */
  format(height: number): string;
}

/** Creates a table of the screen for a terminal of this width. */
type SectionIn = (width: number | undefined) => Section;

/** @param more describes what a shortened table omits, such as `more partners` */
function sectionOf<Row>(
  heading: string,
  rows: readonly Row[],
  view: TableView<Row>,
  more: string,
): SectionIn {
  return (width) => {
    const formatFirst = (count: number) => {
      const omitted = rows.length - count;
      const rest = omitted === 0 ? [] : [`... and ${omitted} ${more}`];
      return ['', heading, formatTable(rows.slice(0, count), view, width), ...rest].join('\n');
    };
    return {
      maxHeight: lineCount(formatFirst(rows.length)),
      minHeight: lineCount(formatFirst(1)),
      format(height) {
        let count = rows.length;
        while (count > 1 && lineCount(formatFirst(count)) > height) count -= 1;
        return formatFirst(count);
      },
    };
  };
}

function lineCount(text: string): number {
  return text.split('\n').length;
}

/**
 * Divides the lines of a screen between tables, the most important first. The tallest tables are shortened first, and a
 * table is left out if there is no room for one row of it.
 */
function shareRoom(sections: readonly Section[], room: number): { section: Section; height: number }[] {
  const shares: { section: Section; height: number }[] = [];
  let needed = 0;
  for (const section of sections) {
    if (needed + section.minHeight > room) continue;
    needed += section.minHeight;
    shares.push({ section, height: section.maxHeight });
  }
  for (;;) {
    const total = shares.reduce((sum, { height }) => sum + height, 0);
    const [tallest] = shares
      .filter(({ section, height }) => height > section.minHeight)
      .toSorted((one, other) => other.height - one.height);
    if (total <= room || tallest === undefined) return shares;
    tallest.height -= 1;
  }
}

function pausesSection({ pauses, leadStats }: ActivityHistory): SectionIn | undefined {
  if (pauses.length === 0) return undefined;
  const heading = `Pauses of delivery (leads affected: ${leadStats?.duePaused ?? 0}):`;
  return sectionOf(heading, pauses, pauseView, 'more pauses');
}

/** The submissions of a partner since the watch started, by outcome. */
type PartnerCounts = [partner: string, counts: ReadonlyMap<SubmissionOutcome, number>];

/** Lists partners in the order of their number of submissions, so that a shortened table shows the busiest. */
function partnersSection({ byPartner }: ActivityHistory): SectionIn | undefined {
  if (byPartner.size === 0) return undefined;
  const total = ([, counts]: PartnerCounts) => counts.values().reduce((sum, count) => sum + count, 0);
  const rows = Array.from(byPartner).toSorted(
    (one, other) => total(other) - total(one) || one[0].localeCompare(other[0]),
  );
  return sectionOf('Submissions since the watch started:', rows, partnerView, 'more partners');
}

function failuresSection({ failures }: ActivityHistory): SectionIn | undefined {
  if (failures.length === 0) return undefined;
  return sectionOf('Latest failed attempts:', failures, failureView, 'more');
}

const partnerView: TableView<PartnerCounts> = {
  columns: {
    PARTNER: ([partner]) => partner,
    ...Object.fromEntries(
      submissionOutcomes.map((outcome) => [
        outcome.toUpperCase().replaceAll('-', ' '),
        ([, counts]: PartnerCounts) => String(counts.get(outcome) ?? 0),
      ]),
    ),
  },
};

const failureView: TableView<FailedAttempt> = {
  columns: {
    TIME: ({ endedAt }) => ({ time: endedAt }),
    LEAD: ({ leadId }) => leadId,
    OUTCOME: ({ outcome }) => outcome,
    RESPONSE: ({ response }) => response,
  },
};
