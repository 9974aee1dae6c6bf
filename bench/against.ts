/**
 * Compares the working tree with an earlier revision: leads added per second over HTTP by one server on one core, in
 * turns. Each round starts both servers on a new store.
 *
 *   npm run bench:against -- REVISION [--rounds 3] [--turns 10] [--seconds 2]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeOptions } from './deployment.ts';
import { cores, machine, type RunningServer, start } from './processes.ts';
import { formatInteger, measured, printTable } from './table.ts';
import { type Contestant, describeTurns, type Turn, takeTurns } from './turns.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** A server process and its turns. */
interface Run {
  turns: Turn[];
  /** Milliseconds from the start of the process to its first response. */
  startedIn: number;
  /** MB after the last turn. */
  memory: number;
}

/** One of the trees that are compared. */
interface Side {
  tree: string;
  runs: Run[];
}

/** A server on its own store. */
interface Subject {
  server: RunningServer;
  key: string;
  stop(): Promise<void>;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    turns: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '2' },
  },
});
const [revision] = positionals;
if (revision === undefined) {
  process.stderr.write('No revision given. Run `npm run bench:against -- REVISION`.\n');
  process.exit(1);
}
const rounds = Number(values.rounds);
const turns = Number(values.turns);
const seconds = Number(values.seconds);

/** Starts the server of one tree on a new store, which the server fills with its first partner and key. */
async function open(tree: string): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'leads-bench-'));
  const environment = {
    DATABASE_URL: `sqlite:${join(directory, 'leads.db')}`,
    DISPATCH: 'off',
    RATE_LIMIT: 'off',
    BOOTSTRAP: 'on',
  };
  const server = await start(join(tree, 'src/main.ts'), environment, cores.server, nodeOptions);
  const stop = async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  const key = /leads_[\w-]{20,}/.exec(server.output())?.[0];
  if (key === undefined) {
    await stop();
    throw new Error(`The server of ${tree} printed no key.`);
  }
  return { server, key, stop };
}

/** Runs the servers of both sides in turn, and adds a run to each. */
async function compare(sides: readonly Side[]): Promise<void> {
  const subjects: Subject[] = [];
  try {
    const contestants: Contestant[] = [];
    for (const { tree, runs } of sides) {
      const subject = await open(tree);
      subjects.push(subject);
      const run: Run = { turns: [], startedIn: subject.server.startedIn, memory: Number.NaN };
      runs.push(run);
      contestants.push({ ...subject, turns: run.turns });
    }
    await takeTurns(contestants, turns, seconds);
    for (const [index, { runs }] of sides.entries()) {
      const run = runs.at(-1);
      if (run !== undefined) run.memory = subjects[index]?.server.memory() ?? Number.NaN;
    }
  } finally {
    for (const { stop } of subjects) await stop();
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

const earlier = checkOut();
const before: Side = { tree: earlier.tree, runs: [] };
const now: Side = { tree: root, runs: [] };
try {
  for (let round = 1; round <= rounds; round += 1) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    await compare(round % 2 ? [before, now] : [now, before]);
  }
} finally {
  earlier.remove();
}

function row(what: string, valuesIn: (run: Run) => number[]): string[] {
  const [earlierValues, values] = [before.runs.flatMap(valuesIn), now.runs.flatMap(valuesIn)];
  const ratio = measured(values.map((value, index) => value / (earlierValues[index] ?? Number.NaN)));
  const median = (all: number[]) => formatInteger(measured(all).median);
  const range = `${ratio.min.toFixed(3)} to ${ratio.max.toFixed(3)}`;
  return [what, median(earlierValues), median(values), ratio.median.toFixed(3), range];
}

process.stdout.write(`${machine()}. ${describeTurns(rounds, turns, seconds)}\n\n`);
printTable(
  ['measure', `${revision}`, 'working tree', 'ratio', 'range'],
  [
    row('leads added per second', (run) => run.turns.map((turn) => turn.adds)),
    row('processor time per lead (µs)', (run) => run.turns.map((turn) => turn.processorTime)),
    row('p99 under full load (ms)', (run) => run.turns.map((turn) => turn.p99)),
    row('start to first response (ms)', (run) => [run.startedIn]),
    row('memory (MB)', (run) => [run.memory]),
  ],
);
