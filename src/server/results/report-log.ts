import type { IncomingMessage } from 'node:http';
import type { ProcessedReport } from '../../operations/record-result.ts';
import type { RecordedReport } from '../../store/call-results.ts';
import { LimitedLog } from '../../telemetry/limited-log.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ReadAddress } from '../client-address.ts';

/** What became of a report. */
export type ResultOutcome =
  | RecordedReport['outcome']
  | 'invalid'
  | 'unauthorized'
  | 'too-large'
  | 'unavailable'
  | 'server-error';

/** A report with its response. */
interface LoggedReport {
  requestId: string;
  source: string;
  outcome: ResultOutcome;
  processed: ProcessedReport | undefined;
  incoming: IncomingMessage;
}

/** The line of each outcome. */
const messages: Record<Exclude<ResultOutcome, 'server-error'>, string> = {
  recorded: 'The result of a call was recorded.',
  changed: 'The result of a call was corrected.',
  repeated: 'The result of a call was reported again.',
  'unknown-lead': 'A result was reported for a lead that does not exist. It was not stored.',
  'other-type':
    'A result was reported for a lead whose type does not belong to the list. It was not stored. Run `leads dialler result-url`.',
  'too-many-calls': 'A result was not stored: too many calls of the lead have a result.',
  invalid: 'A result was refused: the request is not valid.',
  unauthorized: 'A result was refused: its secret or signature is not valid. Run `leads dialler result-url`.',
  'too-large': 'A result was refused: the request is too large.',
  unavailable:
    'A result was refused with 503: the store is not available, or too many results arrived at once.',
};

/** Outcomes of a report that was understood and stored. */
const stored: readonly ResultOutcome[] = ['recorded', 'changed', 'repeated'];

/** Logs reports, without URLs, which contain secrets, and without ids that are not the store's own. */
export class ReportLog {
  readonly #log: Log;
  readonly #limited: LimitedLog;
  readonly #readAddress: ReadAddress;

  constructor(log: Log, readAddress: ReadAddress) {
    this.#log = log;
    this.#limited = new LimitedLog(log);
    this.#readAddress = readAddress;
  }

  write({ requestId, source, outcome, processed, incoming }: LoggedReport): void {
    if (outcome === 'server-error') return;
    const { report } = processed ?? {};
    const call = report && { leadId: report.leadId, code: report.code, result: report.result };
    const fields = { requestId, source, ...call };
    if (!stored.includes(outcome)) {
      this.#limited.write('warn', { ...fields, address: this.#readAddress(incoming) }, messages[outcome]);
      return;
    }
    this.#log.info({ ...fields, ...previousOf(processed) }, messages[outcome]);
    if (outcome === 'changed' && previousOf(processed).previousResult === 'do-not-call') {
      this.#log.warn(
        fields,
        'The person of a corrected result stays in the do-not-call list. If that is wrong, run `leads suppression remove`.',
      );
    }
  }
}

function previousOf(processed: ProcessedReport | undefined) {
  const { recorded } = processed ?? {};
  if (recorded === undefined || !('previousCode' in recorded) || recorded.outcome !== 'changed') return {};
  return { previousCode: recorded.previousCode, previousResult: recorded.previousResult };
}
