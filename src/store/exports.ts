import type { LeadRecord, SubmissionRecord } from './records.ts';

/** Restricts an export. A missing member does not restrict it. */
export interface ExportFilter {
  /** Earliest time at which a lead was accepted, or a submission received. */
  from?: number;
  /** Time before which it was. */
  before?: number;
  /** Name of the partner. */
  partner?: string;
  /** One of the names of the lead type; of a submission also a name that no type has. */
  type?: string;
}

/** Lists that are too long for memory. */
export interface Exports {
  /** Lists leads, oldest first. @throws {UserError} if the type or the partner does not exist */
  exportLeads(filter: ExportFilter): AsyncIterable<LeadRecord>;
  /** Lists submissions, oldest first. @throws {UserError} if the partner does not exist */
  exportSubmissions(filter: ExportFilter): AsyncIterable<SubmissionRecord>;
}
