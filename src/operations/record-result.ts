import type { ResultCodes } from '../leads/call-result.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { CallReport, CallResults, RecordedReport } from '../store/call-results.ts';
import { recordReport } from '../store/objections.ts';
import type { Suppressions } from '../store/suppressions.ts';

/** A call, as a dialler reports it. */
export type ReportedCall = Omit<CallReport, 'result'>;

/** A report, with what became of it. */
export interface ProcessedReport {
  report: CallReport;
  recorded: RecordedReport;
}

/** Records what a dialler reports about a call. */
export type RecordResult = (call: ReportedCall) => Promise<ProcessedReport>;

/** Creates the operation. @param codes the result of each code */
export function resultRecorder(
  store: CallResults & Suppressions,
  parsePhone: ParsePhone,
  codes: ResultCodes,
): RecordResult {
  return async (call) => {
    const report = { ...call, result: codes.get(call.code) ?? null };
    return { report, recorded: await recordReport(store, parsePhone, report) };
  };
}
