import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Target } from '../harness/client.ts';
import { type AtEnd, startUntil } from '../harness/process.ts';
import { untilListening } from '../harness/server-process.ts';

/** Collects garbage on a signal, so that only live memory is measured. */
const collector = 'data:text/javascript,process.on("SIGUSR2",()=>globalThis.gc())';

export interface Measurement {
  /** Used heap (bytes). */
  heap: number;
  /** Resident memory (bytes). */
  resident: number;
  /** Number of open files and connections. */
  handles: number;
  /** Number of open connections. */
  sockets: number;
}

/** A server in its own process, with measurements of its memory and handles. */
export interface MeasuredServer {
  target: Target;
  metricsUrl: string;
  /** URL of RESULTS_PORT; empty: there is none. */
  resultsUrl: string;
  /** Collects garbage, then measures. */
  measure(): Promise<Measurement>;
  /** Number of responses by status, from the server's metrics. */
  statuses(): Promise<Record<string, number>>;
  /** Lines that the server logged as a warning or worse. */
  warnings(): string[];
  stop(): Promise<void>;
}

/** Starts a server whose memory and handles can be measured. The caller stops it, or it is killed at the end. */
export async function startMeasured(
  atEnd: AtEnd,
  environment: Record<string, string>,
): Promise<MeasuredServer> {
  const own = { PORT: '0', METRICS_PORT: '0', RATE_LIMIT: 'off', ...environment };
  const nodeOptions = ['--expose-gc', '--import', collector];
  const child = startUntil(atEnd, 'src/main.ts', [], own, undefined, { nodeOptions });
  const warnings: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    warnings.push(...lines.filter((line) => /^\{"level":"(warn|error|fatal)"/.test(line)));
  });
  const { output, target } = await untilListening(child);
  // After the first key, which is no warning.
  child.stderr.on('data', (chunk) => warnings.push(String(chunk)));
  // Its output must be read, or the pipe fills.
  child.stdout.resume();
  const metricsUrl = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(output)?.[0] ?? '';
  const resultsUrl = /received at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '';
  const metrics = async () => (await fetch(metricsUrl)).text();
  const numberOf = (text: string, name: string) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);

  return {
    target,
    metricsUrl,
    resultsUrl,
    async measure() {
      for (let round = 0; round < 2; round += 1) {
        child.kill('SIGUSR2');
        // The collector runs before the server responds.
        await metrics();
      }
      const text = await metrics();
      const open = readdirSync(`/proc/${child.pid}/fd`);
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return {
        heap: numberOf(text, 'nodejs_heap_size_used_bytes'),
        resident: Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024,
        handles: open.length,
        sockets: open.filter((file) => isSocket(`/proc/${child.pid}/fd/${file}`)).length,
      };
    },
    statuses: async () => statusesIn(await metrics()),
    warnings: () => warnings,
    stop: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** Reads the number of responses by status from the server's metrics. */
function statusesIn(metrics: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, status = '', count] of metrics.matchAll(
    /^leads_requests_total\{.*status="(\d+)".*\} (\d+)$/gm,
  )) {
    counts[status] = (counts[status] ?? 0) + Number(count);
  }
  return counts;
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(descriptor).startsWith('socket:');
  } catch {
    // It was closed after it was listed.
    return false;
  }
}
