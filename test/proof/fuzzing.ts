import fc from 'fast-check';
import type { ReceivedResponse } from '../harness/contract.ts';
import { checkResponse } from '../harness/contract.ts';
import type { AtEnd } from '../harness/process.ts';
import { fuzzReports, resultsSecret } from './fuzzed-reports.ts';
import { type FuzzedRequest, fuzzedRequest } from './hostile-requests.ts';
import { type MeasuredServer, type Measurement, startMeasured } from './measured-server.ts';
import { RawConnection } from './raw-connection.ts';

export interface FuzzReport {
  seed: number;
  /** Number of requests by kind. */
  kinds: Record<string, number>;
  /** Number of responses by status. */
  statuses: Record<string, number>;
  /** Faults: a response that is not in the contract, a 5xx, a missing or slow response. */
  faults: string[];
  /** Maximum response time (ms). */
  slowest: number;
  /** After the first requests, which make the server load everything, and after the last. */
  memory: { before: Measurement; after: Measurement };
  /** Lines that the server logged as a warning or worse. */
  warnings: string[];
}

/** Number of requests generated at a time. */
const chunk = 500;

const connections = 8;

/** Maximum response time that is not a fault (ms). */
const maxResponseTime = 1_000;

/** Number of faults after which the run stops. */
const maxFaults = 20;

/**
 * Starts a server and sends it requests of every kind.
 *
 * @param count number of requests
 * @param seed determines the requests
 * @param onProgress called regularly with the number of requests sent
 */
export async function fuzz(
  atEnd: AtEnd,
  databaseUrl: string,
  count: number,
  seed: number,
  onProgress: (done: number) => void = () => {},
): Promise<FuzzReport> {
  const server = await startMeasured(atEnd, {
    DATABASE_URL: databaseUrl,
    DISPATCH: 'off',
    RESULTS_PORT: '0',
    RESULTS_SECRET: resultsSecret,
  });
  try {
    const report = await sendAndMeasure(server, count, seed, onProgress);
    const faults = await fuzzReports(server.resultsUrl, Math.ceil(count / 10), seed);
    // Some requests have X-Forwarded-For, and their client is no proxy. Most reports are refused.
    const warnings = server.warnings().filter((line) => !/TRUST_PROXY|"msg":"A result was/.test(line));
    return { ...report, faults: [...report.faults, ...faults], warnings };
  } finally {
    await server.stop();
  }
}

async function sendAndMeasure(
  server: MeasuredServer,
  count: number,
  seed: number,
  onProgress: (done: number) => void,
): Promise<Omit<FuzzReport, 'warnings'>> {
  const { target } = server;
  const report: Omit<FuzzReport, 'memory' | 'warnings'> = {
    seed,
    kinds: {},
    statuses: {},
    faults: [],
    slowest: 0,
  };
  const open = Array.from({ length: connections }, () => new RawConnection(target.url));
  const warmUp = Math.min(count, 2 * chunk);
  let before: Measurement | undefined;
  for (let done = 0; done < count && report.faults.length < maxFaults; done += chunk) {
    const requests = fc.sample(fuzzedRequest(target.key), {
      numRuns: Math.min(chunk, count - done),
      seed: seed + done,
    });
    const next = requests.values();
    await Promise.all(open.map((connection) => sendAll(connection, next, report)));
    if (before === undefined && done + chunk >= warmUp) before = await measured(server, open);
    onProgress(Math.min(count, done + chunk));
  }
  const after = await measured(server, open);
  return { ...report, memory: { before: before ?? after, after } };
}

async function measured(server: MeasuredServer, open: readonly RawConnection[]): Promise<Measurement> {
  for (const connection of open) connection.close();
  return server.measure();
}

async function sendAll(
  connection: RawConnection,
  requests: Iterator<FuzzedRequest> & Iterable<FuzzedRequest>,
  report: Pick<FuzzReport, 'kinds' | 'statuses' | 'faults' | 'slowest'>,
): Promise<void> {
  for (const request of requests) {
    report.kinds[request.kind] = (report.kinds[request.kind] ?? 0) + 1;
    const begun = performance.now();
    try {
      for (const response of await exchange(connection, request)) {
        report.statuses[response.status] = (report.statuses[response.status] ?? 0) + 1;
        check(request, response);
      }
      if (connection.surplus > 0) throw new Error('A request got two responses.');
    } catch (error) {
      report.faults.push(`${error instanceof Error ? error.message : error}\n${describeRequest(request)}`);
      connection.close();
    }
    const took = performance.now() - begun;
    report.slowest = Math.max(report.slowest, took);
    if (took > maxResponseTime)
      report.faults.push(`The response took ${Math.round(took)} ms.\n${describeRequest(request)}`);
  }
}

/** Sends a request and returns its response, or all that the server sends if it must close the connection. */
async function exchange(
  connection: RawConnection,
  { bytes, isSmuggling }: FuzzedRequest,
): Promise<ReceivedResponse[]> {
  return isSmuggling ? connection.exchangeLast(bytes) : [await connection.exchange(bytes)];
}

/** Statuses that refuse a request because of its HTTP, before its path or body is read. */
const refused = [400, 501];

function check({ id, isSmuggling }: FuzzedRequest, response: ReceivedResponse): void {
  if (isSmuggling && !refused.includes(response.status))
    throw new Error(
      `A request that contains a second one got the response ${response.status} ${response.text}`,
    );
  // RFC 9110, sections 15.6.2 and 15.6.6, require these two.
  if (response.status >= 500 && response.status !== 501 && response.status !== 505)
    throw new Error(`The response was ${response.status} ${response.text}`);
  checkResponse(id, response);
}

function describeRequest({ kind, bytes }: FuzzedRequest): string {
  return `  (${kind}, ${bytes.length} bytes) ${JSON.stringify(bytes.toString('latin1', 0, 400))}`;
}
