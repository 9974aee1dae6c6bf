import { Command, Option } from 'commander';
import { UserError } from '../errors/user-error.ts';
import { type CallResult, callResults } from '../leads/call-result.ts';
import {
  type Report,
  type ReportFigures,
  type ReportGrouping,
  type ReportRow,
  reportGroupings,
} from '../leads/report.ts';
import { periodOf } from '../partners/day.ts';
import { readReport } from '../store/read-report.ts';
import type { ReportFilter } from '../store/reports.ts';
import { formatDuration } from '../text/duration.ts';
import { defineAction } from './action.ts';
import { parseTime, wideOption } from './arguments.ts';
import type { CommandContext } from './context.ts';
import type { TableView } from './table.ts';

const figureMembers = {
  requests: 'number of leads that were sent, alone, as rows or in an import. Tests are not counted',
  accepted: 'number of leads that were accepted',
  duplicates: 'number of leads of people who had a scheduled lead of the type, or had been contacted',
  unknown_types: 'number of leads whose type is unknown, or not granted to the partner',
  do_not_call: 'number of leads of people who must not be called',
  rejected: 'number of requests and rows that broke a rule and were not stored',
  rejected_by_reason: 'numbers of these requests and rows by the first message of the response',
  delivered: 'number of accepted leads that the dialler has',
  scheduled: 'number of accepted leads that have yet to be delivered',
  cancelled: 'number of accepted leads that were cancelled',
  failed: 'number of accepted leads that failed, those dismissed by an operator included',
  expired: 'number of accepted leads that were too late to be called',
  suppressed: 'number of accepted leads of people who objected later',
  median_delivery_seconds:
    'median of the times from when a call was due until the lead was delivered (s); null: none was delivered',
};

// The cast: the names of the members follow those of the results.
const resultMembers = Object.fromEntries(
  callResults.map((result) => [
    resultMember(result),
    `number of delivered leads whose latest call had the result ${result}`,
  ]),
) as Record<`result_${string}`, string>;

const members = {
  by: 'what each row stands for: partner, day, type or outcome',
  group: 'name of the partner, day (UTC), lead type, or outcome; null: unknown types and rejected requests',
  ...figureMembers,
  ...resultMembers,
};

interface ReportOptions {
  partner?: string;
  from?: number;
  to?: number;
  by: ReportGrouping;
  csv?: true;
}

/** `leads report`: counts what partners sent, and what became of it. */
export function reportCommand(context: CommandContext): Command {
  const command = new Command('report')
    .summary('count what partners sent, and what became of their leads')
    .description(
      'count the leads that partners sent on the days of a period, and what has become of them so far. Days are in UTC.\nThe figures cover what the store contains: pruned leads and erased people are missing, and rejected requests are counted for 400 days. The output contains no personal data',
    )
    .option('--partner <name>', 'only leads of this partner')
    .addOption(
      new Option('--from <day>', 'first day, such as 2026-11-01, or 30d (30 days ago)')
        .argParser(parseTime)
        .default(undefined, `six days before --to`),
    )
    .addOption(
      new Option('--to <day>', 'last day, which is included')
        .argParser(parseTime)
        .default(undefined, 'today'),
    )
    .addOption(
      new Option('--by <group>', 'what each row stands for').choices(reportGroupings).default('partner'),
    )
    .addOption(new Option('--csv', 'print CSV (RFC 4180, UTF-8) with a header').conflicts('json'))
    .addOption(wideOption());
  return defineAction(command, context, members, async ({ store, output }, options: ReportOptions) => {
    const report = await readReport(store, options.by, filterOf(options));
    const view = { json: (row: ReportRow) => jsonOf(options.by, row) };
    if (options.csv) await output.csv(report.rows, view, members);
    else if (output.isJson) await output.jsonLines(report.rows, view);
    else if (report.rows.length === 0) await output.text('Nothing was sent in this period.');
    else {
      await output.table(withTotal(report), figuresView(options.by), '');
      for (const [heading, counts] of detailsOf(report.total)) {
        await output.gap();
        await output.table(counts, countsView(heading), '');
      }
    }
  });
}

function filterOf({ partner, ...days }: ReportOptions): ReportFilter {
  const period = periodOf(days);
  if (period.from >= period.before) {
    throw new UserError('--from cannot be later than --to. Nothing was counted.');
  }
  return { ...period, partner };
}

function jsonOf(by: ReportGrouping, { group, ...figures }: ReportRow) {
  const { requests, accepted, duplicates, unknownTypes, doNotCall, rejected, states } = figures;
  const { dialled, ...others } = states;
  return {
    by,
    group,
    requests,
    accepted,
    duplicates,
    unknown_types: unknownTypes,
    do_not_call: doNotCall,
    rejected,
    rejected_by_reason: Object.fromEntries(figures.rejectedByReason),
    delivered: dialled,
    ...others,
    median_delivery_seconds: secondsOf(figures.medianDeliveryTime),
    ...Object.fromEntries(callResults.map((result) => [resultMember(result), figures.results[result]])),
  };
}

function resultMember(result: CallResult): `result_${string}` {
  return `result_${result.replaceAll('-', '_')}`;
}

function secondsOf(milliseconds: number | null): number | null {
  return milliseconds === null ? null : milliseconds / 1_000;
}

/** A row of the table; an undefined group: the total. */
interface TableRow extends ReportFigures {
  group: string | null | undefined;
}

function withTotal(report: Report): TableRow[] {
  const { rows, total } = report;
  return rows.length === 1 ? rows : [...rows, { group: undefined, ...total }];
}

function figuresView(by: ReportGrouping): TableView<TableRow> {
  const heading = by.toUpperCase();
  const columns: TableView<TableRow>['columns'] = {
    [heading]: ({ group }) => (group === undefined ? 'total' : (group ?? '–')),
    REQUESTS: ({ requests }) => String(requests),
    ACCEPTED: ({ accepted }) => String(accepted),
    DUPLICATE: ({ duplicates }) => String(duplicates),
    'UNKNOWN TYPE': ({ unknownTypes }) => String(unknownTypes),
    'DO NOT CALL': ({ doNotCall }) => String(doNotCall),
    REJECTED: ({ rejected }) => String(rejected),
    SCHEDULED: ({ states }) => String(states.scheduled),
    DELIVERED: ({ states }) => String(states.dialled),
    CANCELLED: ({ states }) => String(states.cancelled),
    FAILED: ({ states }) => String(states.failed),
    EXPIRED: ({ states }) => String(states.expired),
    SUPPRESSED: ({ states }) => String(states.suppressed),
    'MEDIAN TIME': ({ medianDeliveryTime }) =>
      medianDeliveryTime === null ? '–' : formatDuration(medianDeliveryTime),
  };
  return {
    columns,
    narrow: [heading, 'ACCEPTED', 'DUPLICATE', 'DO NOT CALL', 'REJECTED', 'DELIVERED', 'MEDIAN TIME'],
  };
}

/** Counts below the table, each with its heading. */
function detailsOf({ results, rejectedByReason }: ReportFigures): [string, [string, number][]][] {
  const reported = Object.entries(results).filter(([, count]) => count > 0);
  const all: [string, [string, number][]][] = [
    ['RESULT', reported],
    ['REASON', [...rejectedByReason]],
  ];
  return all.filter(([, counts]) => counts.length > 0);
}

function countsView(heading: string): TableView<[string, number]> {
  const counted = heading === 'RESULT' ? 'LEADS' : 'REJECTED';
  return { columns: { [counted]: ([, count]) => String(count), [heading]: ([name]) => name } };
}
