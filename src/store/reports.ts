import type { ReportedRejections, ReportedSubmission } from '../leads/report.ts';

/** Restricts what a report counts. */
export interface ReportFilter {
  /** Start of the first day in UTC (ms since 1970). */
  from: number;
  /** Start of the day after the last one. */
  before: number;
  /** Name of the partner; undefined: all partners. */
  partner: string | undefined;
}

/** What reports count. */
export interface Reports {
  /**
   * Reads the submissions of a period in small pages, oldest first. A page can be empty.
   *
   * @throws {UserError} if the partner does not exist
   */
  reportedSubmissions(filter: ReportFilter): AsyncIterable<readonly ReportedSubmission[]>;
  /** Returns the rejected requests to add leads, and rejected rows of such requests. */
  reportedRejections(filter: ReportFilter): Promise<ReportedRejections[]>;
}
