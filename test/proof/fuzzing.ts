import fc from 'fast-check';
import type { ReceivedResponse } from '../harness/contract.ts';
import { checkResponse } from '../harness/contract.ts';
import { type FuzzedRequest, fuzzedRequest } from './hostile-requests.ts';
import type { Measurement } from './measured-server.ts';
import { startMeasured } from './measured-server.ts';
import { RawConnection } from './raw-connection.ts';

export interface FuzzReport {
  seed: number;
  /** How many requests of each kind were sent. */
  kinds: Record<string, number>;
  /** How many answers had each status. */
  statuses: Record<string, number>;
  /** What should not be: an answer that is not in the contract, a 5xx, none at all, a slow one. */
  faults: string[];
  /** The longest time to an answer, in milliseconds. */
  slowest: number;
  /** After the first requests, which have everything loaded, and after the last. */
  memory: { before: Measurement; after: Measurement };
  /** What the server said as a warning or worse. */
  complaints: string[];
}

/** So many requests are made up at a time. */
const chunk = 500;

const connections = 8;

/** An answer that takes longer is a fault, in milliseconds. */
const tooSlow = 1_000;

/** So many faults are told of; where there are more, the first ones say enough. */
const mostFaults = 20;

/**
 * Sends requests of every kind to a server of its own.
 *
 * @param count how many
 * @param seed makes the same ones again
 * @param tell is called now and then with how many are done
 */
export async function fuzz(
  databaseUrl: string,
  count: number,
  seed: number,
  tell: (done: number) => void = () => {},
): Promise<FuzzReport> {
  const server = await startMeasured({ DATABASE_URL: databaseUrl, DISPATCH: 'off' });
  const { target } = server;
  const report: Omit<FuzzReport, 'memory' | 'complaints'> = {
    seed,
    kinds: {},
    statuses: {},
    faults: [],
    slowest: 0,
  };
  const open = Array.from({ length: connections }, () => new RawConnection(target.url));
  const warmUp = Math.min(count, 2 * chunk);
  let before: Measurement | undefined;
  for (let done = 0; done < count && report.faults.length < mostFaults; done += chunk) {
    const requests = fc.sample(fuzzedRequest(target.key), {
      numRuns: Math.min(chunk, count - done),
      seed: seed + done,
    });
    const next = requests.values();
    await Promise.all(open.map((connection) => sendAll(connection, next, report)));
    if (before === undefined && done + chunk >= warmUp) before = await measured(server, open);
    tell(Math.min(count, done + chunk));
  }
  const after = await measured(server, open);
  await server.stop();
  return { ...report, memory: { before: before ?? after, after }, complaints: server.complaints() };
}

async function measured(
  server: Awaited<ReturnType<typeof startMeasured>>,
  open: readonly RawConnection[],
): Promise<Measurement> {
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
      const answer = await connection.exchange(request.bytes);
      report.statuses[answer.status] = (report.statuses[answer.status] ?? 0) + 1;
      judge(request, answer);
      if (request.breaksConnection) connection.close();
      else if (connection.surplus > 0) throw new Error('Two answers came to one request.');
    } catch (error) {
      report.faults.push(`${error instanceof Error ? error.message : error}\n${shown(request)}`);
      connection.close();
    }
    const took = performance.now() - begun;
    report.slowest = Math.max(report.slowest, took);
    if (took > tooSlow) report.faults.push(`The answer took ${Math.round(took)} ms.\n${shown(request)}`);
  }
}

/** The service's own addresses, which are no part of the contract with partners. */
const ownAddress = /^(?:GET|HEAD) (?:\/|\/docs|\/healthz|\/readyz|\/openapi\.(?:yaml|json))[ ?]/;

function judge({ id, bytes }: FuzzedRequest, answer: ReceivedResponse): void {
  if (ownAddress.test(bytes.toString('latin1', 0, 40))) return;
  // RFC 9110, sections 15.6.2 and 15.6.6, ask for these two.
  if (answer.status >= 500 && answer.status !== 501 && answer.status !== 505)
    throw new Error(`A request brought ${answer.status} ${answer.text}`);
  checkResponse(id, answer);
}

function shown({ kind, bytes }: FuzzedRequest): string {
  return `  (${kind}, ${bytes.length} bytes) ${JSON.stringify(bytes.toString('latin1', 0, 400))}`;
}
