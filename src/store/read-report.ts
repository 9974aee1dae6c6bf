import { setImmediate } from 'node:timers/promises';
import { Report, type ReportGrouping } from '../leads/report.ts';
import type { ReportFilter, Reports } from './reports.ts';

/**
 * Reads a report in small steps, between which a server processes other requests.
 *
 * @throws {UserError} if the partner does not exist
 */
export async function readReport(store: Reports, by: ReportGrouping, filter: ReportFilter): Promise<Report> {
  const report = new Report(by);
  for await (const page of store.reportedSubmissions(filter)) {
    for (const submission of page) report.addSubmission(submission);
    await setImmediate();
  }
  for (const rejections of await store.reportedRejections(filter)) report.addRejections(rejections);
  return report;
}
