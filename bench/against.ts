/**
 * Compares the working tree with an earlier revision: leads added per second over HTTP by one server on one core. Rounds
 * are interleaved, because a machine's speed drifts, and each ratio is taken within one round.
 *
 *   npm run bench:against -- REVISION [--rounds 5] [--seconds 8]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeOptions } from './deployment.ts';
import { load } from './load.ts';
import { cores, machine, start } from './processes.ts';
import { formatInteger, type Measured, measured, printTable } from './table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const connections = 256;
/** Seconds of load before the measurement: V8 compiles the hot functions meanwhile. */
const warmUp = 6;

interface Round {
  adds: number;
  /** Milliseconds, at full load. */
  p99: number;
  /** Milliseconds from the start of the process to its first response. */
  startedIn: number;
  /** MB under full load. */
  memory: number;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '8' } },
});
const [revision] = positionals;
if (revision === undefined) {
  process.stderr.write('No revision given. Run `npm run bench:against -- REVISION`.\n');
  process.exit(1);
}
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

/** Measures the server of one tree on a new store that the server fills with its first partner and key. */
async function measure(tree: string): Promise<Round> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const environment = {
    DATABASE_URL: `sqlite:${join(directory, 'leads.db')}`,
    DISPATCH: 'off',
    RATE_LIMIT: 'off',
  };
  const server = await start(join(tree, 'src/main.ts'), environment, cores.server, nodeOptions);
  try {
    const key = /leads_[\w-]{20,}/.exec(server.output())?.[0];
    if (key === undefined) throw new Error(`The server of ${tree} printed no key.`);
    const adds = { kind: 'add', key, connections } as const;
    await load(server.address, { ...adds, seconds: warmUp });
    const { rate, p99 } = await load(server.address, { ...adds, seconds });
    return { adds: rate, p99, startedIn: server.startedIn, memory: server.memory() };
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Checks out the revision in a separate tree, with the packages that are installed now. */
function checkOut(): { tree: string; remove(): void } {
  const tree = mkdtempSync(join(tmpdir(), 'leads-revision-'));
  execFileSync('git', ['worktree', 'add', '--detach', '--quiet', tree, String(revision)], { cwd: root });
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'));
  return {
    tree,
    remove: () => execFileSync('git', ['worktree', 'remove', '--force', tree], { cwd: root }),
  };
}

const now: Round[] = [];
const before: Round[] = [];
const earlier = checkOut();
try {
  for (let round = 1; round <= rounds; round += 1) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    // Which comes first alternates, so that neither always follows the other's disk writes.
    for (const side of round % 2 ? [before, now] : [now, before]) {
      side.push(await measure(side === now ? root : earlier.tree));
    }
  }
} finally {
  earlier.remove();
}

function row(what: string, valueIn: (round: Round) => number): string[] {
  const ratio = measured(now.map((round, index) => valueIn(round) / valueIn(before[index] ?? round)));
  const median = (side: Round[]) => formatInteger(measured(side.map(valueIn)).median);
  return [what, median(before), median(now), ratio.median.toFixed(3), spread(ratio)];
}

function spread({ min, max }: Measured): string {
  return `${min.toFixed(3)} to ${max.toFixed(3)}`;
}

process.stdout.write(`${machine()}. ${rounds} rounds of ${seconds} s, ${connections} connections.\n\n`);
printTable(
  ['measure', `${revision}`, 'working tree', 'ratio', 'range'],
  [
    row('leads added per second', (round) => round.adds),
    row('p99 under full load (ms)', (round) => round.p99),
    row('start to first response (ms)', (round) => round.startedIn),
    row('memory (MB)', (round) => round.memory),
  ],
);
