import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { Webhook } from 'standardwebhooks';
import { type LeadResultEvent, leadResultCheck } from '../../contract/webhook-validation.ts';
import type { ResultCodes } from '../../leads/call-result.ts';
import type { ParsePhone } from '../../leads/phone.ts';
import {
  type ProcessedReport,
  type RecordResult,
  type ReportedCall,
  resultRecorder,
} from '../../operations/record-result.ts';
import type { CallResults } from '../../store/call-results.ts';
import { StoreUnavailable } from '../../store/store-unavailable.ts';
import type { Suppressions } from '../../store/suppressions.ts';
import { LimitedLog } from '../../telemetry/limited-log.ts';
import type { Log } from '../../telemetry/log.ts';
import { readBody } from '../body.ts';
import type { TrustedProxies } from '../client-address.ts';
import { addressReader } from '../client-address.ts';
import { InFlightLimiter } from '../in-flight-limiter.ts';
import { json, newRequestId } from '../respond.ts';
import { ReportLog, type ResultOutcome } from './report-log.ts';
import { readVicidialReport } from './vicidial-report.ts';

/** Maximum size of the body of a report (bytes). */
const maxReportBytes = 16_384;

/** Maximum number of reports in flight. */
const maxReportsInFlight = 100;

/** Counts a report. */
export type OnReport = (report: {
  source: ResultSource;
  outcome: ResultOutcome;
  /** Of a result that was not stored before. */
  stored?: { type: string; result: string | null };
}) => void;

/** How a report arrives. */
export type ResultSource = 'webhook' | 'vicidial';

/** What the application for results depends on. */
export interface ResultsAppOptions {
  store: CallResults & Suppressions;
  parsePhone: ParsePhone;
  /** The result of each code. */
  codes: ResultCodes;
  /** Secrets of Standard Webhooks that may have signed a report. */
  secrets: readonly string[];
  /** Returns the lead types that a list may report on, if the secret is that of the list with these types. */
  typesOfList(list: string, types: readonly string[], secret: string): readonly string[] | undefined;
  trustedProxies: TrustedProxies;
  log: Log;
  onReport: OnReport;
}

type App = Hono<{ Bindings: HttpBindings }>;
type ResultContext = Context<{ Bindings: HttpBindings }>;

/** A report that may be recorded, or why it is refused. */
type ReadReport =
  | { call: ReportedCall }
  | { outcome: Exclude<ResultOutcome, 'recorded' | 'changed' | 'repeated'> };

/** Status of the response for each outcome. A report that cannot succeed later gets 200, so that it is not repeated. */
const statuses: Record<ResultOutcome, number> = {
  recorded: 200,
  changed: 200,
  repeated: 200,
  'unknown-lead': 200,
  'other-type': 200,
  'too-many-calls': 200,
  invalid: 400,
  unauthorized: 401,
  'too-large': 413,
  unavailable: 503,
  'server-error': 500,
};

/** Creates the application on RESULTS_PORT, to which diallers report the results of calls. */
export function resultsApp(options: ResultsAppOptions): App {
  const app: App = new Hono();
  const reports = new Reports(options);
  const checkBody = leadResultCheck();
  app.post('/results', (context) =>
    reports.process('webhook', context, () => readWebhook(context, options.secrets, checkBody)),
  );
  app.get('/vicidial', (context) =>
    reports.process('vicidial', context, async () => readVicidial(context, options)),
  );
  app.notFound(() =>
    json(404, { error: 'No resource exists at this path. Use POST /results or GET /vicidial.' }),
  );
  return app;
}

/** Records reports, and responds to them. */
class Reports {
  readonly #onReport: OnReport;
  readonly #recordResult: RecordResult;
  readonly #inFlight = new InFlightLimiter(maxReportsInFlight);
  readonly #reportLog: ReportLog;
  readonly #failures: LimitedLog;

  constructor({ store, parsePhone, codes, trustedProxies, log, onReport }: ResultsAppOptions) {
    this.#onReport = onReport;
    this.#recordResult = resultRecorder(store, parsePhone, codes);
    this.#reportLog = new ReportLog(log, addressReader(trustedProxies));
    this.#failures = new LimitedLog(log);
  }

  async process(
    source: ResultSource,
    context: ResultContext,
    read: () => Promise<ReadReport>,
  ): Promise<Response> {
    const requestId = newRequestId();
    const { outcome, processed } = await this.#outcomeOf(read, requestId);
    const stored = processed && storedIn(processed);
    this.#onReport({ source, outcome, ...(stored !== undefined && { stored }) });
    this.#reportLog.write({ requestId, source, outcome, processed, incoming: context.env.incoming });
    // Which leads of other types exist is nothing that a list's secret reveals.
    const shown = outcome === 'other-type' ? 'unknown-lead' : outcome;
    const headers = outcome === 'unavailable' ? { 'Retry-After': '5' } : undefined;
    return json(statuses[outcome], { outcome: shown }, requestId, headers);
  }

  async #outcomeOf(
    read: () => Promise<ReadReport>,
    requestId: string,
  ): Promise<{ outcome: ResultOutcome; processed?: ProcessedReport }> {
    if (!this.#inFlight.enter('')) return { outcome: 'unavailable' };
    try {
      const report = await read();
      if ('outcome' in report) return report;
      const processed = await this.#recordResult(report.call);
      return { outcome: processed.recorded.outcome, processed };
    } catch (error) {
      if (error instanceof StoreUnavailable) return { outcome: 'unavailable' };
      this.#failures.write('error', { err: error, requestId }, 'A result could not be recorded.');
      return { outcome: 'server-error' };
    } finally {
      this.#inFlight.leave('');
    }
  }
}

function storedIn({
  report,
  recorded,
}: ProcessedReport): { type: string; result: string | null } | undefined {
  const isNew = recorded.outcome === 'recorded' || recorded.outcome === 'changed';
  return isNew ? { type: recorded.type, result: report.result } : undefined;
}

/** Reads a report that a dialler has signed according to Standard Webhooks 1.0.0. */
async function readWebhook(
  { env: { incoming } }: ResultContext,
  secrets: readonly string[],
  checkBody: (body: unknown) => string | undefined,
): Promise<ReadReport> {
  const bytes = await readBody(incoming, maxReportBytes);
  if (bytes === 'too-large') return { outcome: 'too-large' };
  if (bytes === 'incomplete') return { outcome: 'invalid' };
  const text = bytes.toString('utf8');
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
  );
  if (!secrets.some((secret) => isSigned(secret, text, headers))) return { outcome: 'unauthorized' };
  const body = parsed(text);
  if (checkBody(body) !== undefined) return { outcome: 'invalid' };
  // The cast: the body passed the schema that its type is generated from.
  const { timestamp, data } = body as LeadResultEvent;
  return {
    call: {
      leadId: data.lead_id,
      callId: data.call_id,
      code: data.code,
      calledAt: Date.parse(data.called_at ?? timestamp),
      talkTime: data.talk_time ?? null,
      receivedAt: Date.now(),
      dialler: 'webhook',
      types: undefined,
    },
  };
}

function isSigned(secret: string, text: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(text, headers, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads a report from the query of a URL that VICIdial requests. */
function readVicidial(
  { req }: ResultContext,
  { typesOfList }: Pick<ResultsAppOptions, 'typesOfList'>,
): ReadReport {
  const query = (name: string) => req.query(name);
  const types = (query('types') ?? '').split(',').filter(Boolean);
  const allowed = typesOfList(query('list') ?? '', types, query('secret') ?? '');
  if (allowed === undefined) return { outcome: 'unauthorized' };
  const report = readVicidialReport(query);
  if (report === undefined) return { outcome: 'invalid' };
  const { leadId, ...call } = report;
  if (leadId === undefined) return { outcome: 'unknown-lead' };
  const now = Date.now();
  return { call: { ...call, leadId, calledAt: now, receivedAt: now, dialler: 'vicidial', types: allowed } };
}
