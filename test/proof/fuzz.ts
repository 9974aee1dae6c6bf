/**
 * `npm run fuzz`: sends 100,000 requests and 10,000 reports of results of every kind, then resets, half-closes and
 * stalls connections at every byte, and reports how the server responded.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chaos } from './chaos.ts';
import { atExit } from './endings.ts';
import { fuzz } from './fuzzing.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'leads-fuzz-'));
atExit(() => rmSync(directory, { recursive: true, force: true }));
const count = Number(values.requests);
process.stdout.write(`${count} requests with the seed ${values.seed}\n`);
let reported = 0;
const report = await fuzz(atExit, `sqlite:${directory}/leads.db`, count, Number(values.seed), (done) => {
  if (done - reported < count / 10) return;
  reported = done;
  process.stdout.write(`${done} sent\n`);
});
const disturbed = await chaos(
  atExit,
  `sqlite:${directory}/chaos.db`,
  Number(values.connections),
  Number(values.seed),
);

const { before, after } = report.memory;
const grown = Math.round((after.heap - before.heap) / 1024 / 1024);
process.stdout.write(`
kinds      ${JSON.stringify(report.kinds)}
statuses   ${JSON.stringify(report.statuses)}
slowest    ${Math.round(report.slowest)} ms
heap       ${grown} MB more than after the first requests (${Math.round(after.heap / 1024 / 1024)} MB)
handles    ${after.handles} open, ${before.handles} after the first requests
warnings   ${report.warnings.length}
faults     ${report.faults.length}

${disturbed.connections} disturbed connections
warnings   ${disturbed.warnings.length}
faults     ${disturbed.faults.length}
`);
const faults = [...report.faults, ...disturbed.faults];
const warnings = [...report.warnings.slice(0, 20), ...disturbed.warnings.slice(0, 20)];
for (const fault of [...faults, ...warnings]) process.stdout.write(`\n${fault}\n`);
/** Maximum growth of the heap that is not a leak (MB). */
const maxGrowth = 20;
if (faults.length > 0 || grown > maxGrowth || after.handles > before.handles + 2) process.exitCode = 1;
