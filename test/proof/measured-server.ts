import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Target } from '../harness/client.ts';
import { written } from '../harness/process.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Lets the garbage be collected at a signal, so that what is measured is what is held. */
const collector = 'data:text/javascript,process.on("SIGUSR2",()=>globalThis.gc())';

export interface Measurement {
  /** Bytes of the heap that are in use. */
  heap: number;
  /** Resident bytes. */
  resident: number;
  /** Open files and connections. */
  handles: number;
  /** The connections among them. */
  sockets: number;
}

/** A server in a process of its own, whose memory and handles are watched. */
export interface MeasuredServer {
  target: Target;
  metricsUrl: string;
  /** Collects the garbage, then measures. */
  measure(): Promise<Measurement>;
  /** How many requests were answered by each status, by its own metrics. */
  statuses(): Promise<Record<string, number>>;
  /** What it has said as a warning or worse. */
  complaints(): string[];
  stop(): Promise<void>;
}

export async function startMeasured(environment: Record<string, string>): Promise<MeasuredServer> {
  const child = spawn(process.execPath, ['--expose-gc', '--import', collector, `${root}src/main.ts`], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', METRICS_PORT: '0', RATE_LIMIT: 'off', ...environment },
  });
  const complaints: string[] = [];
  child.stderr.on('data', (chunk) => complaints.push(String(chunk)));
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    complaints.push(...lines.filter((line) => /^\{"level":"(warn|error|fatal)"/.test(line)));
  });
  const output = await written(child, /Listening on \S+[\s\S]*-d '.*'/);
  // What it writes from now on has to be read, or the pipe fills.
  child.stdout.resume();
  const target = {
    url: /Listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? '',
    key: /leads_[\w-]{20,}/.exec(output)?.[0] ?? '',
  };
  const metricsUrl = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(output)?.[0] ?? '';
  const metrics = async () => (await fetch(metricsUrl)).text();
  const numberOf = (text: string, name: string) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);

  return {
    target,
    metricsUrl,
    async measure() {
      for (let round = 0; round < 2; round += 1) {
        child.kill('SIGUSR2');
        // Its event loop turns, and the collector runs, before this is answered.
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
    async statuses() {
      const found: Record<string, number> = {};
      for (const [, status = '', count] of (await metrics()).matchAll(
        /^leads_requests_total\{.*status="(\d+)"\} (\d+)$/gm,
      )) {
        found[status] = (found[status] ?? 0) + Number(count);
      }
      return found;
    },
    complaints: () => complaints,
    stop: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

function isSocket(descriptor: string): boolean {
  try {
    return readlinkSync(descriptor).startsWith('socket:');
  } catch {
    // It has been closed since it was listed.
    return false;
  }
}
