/** `npm run fuzz`: 100,000 requests of every kind, and what the server made of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzzing.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'leads-fuzz-'));
const count = Number(values.requests);
process.stdout.write(`${count} requests with the seed ${values.seed}\n`);
let told = 0;
const report = await fuzz(`sqlite:${directory}/leads.db`, count, Number(values.seed), (done) => {
  if (done - told < count / 10) return;
  told = done;
  process.stdout.write(`${done} sent\n`);
});
rmSync(directory, { recursive: true });

const { before, after } = report.memory;
const grown = Math.round((after.heap - before.heap) / 1024 / 1024);
process.stdout.write(`
kinds      ${JSON.stringify(report.kinds)}
statuses   ${JSON.stringify(report.statuses)}
slowest    ${Math.round(report.slowest)} ms
heap       ${grown} MB more than after the first requests (${Math.round(after.heap / 1024 / 1024)} MB)
handles    ${after.handles} open, ${before.handles} after the first requests
complaints ${report.complaints.length}
faults     ${report.faults.length}
`);
for (const fault of [...report.faults, ...report.complaints.slice(0, 20)])
  process.stdout.write(`\n${fault}\n`);
/** More than this is a leak rather than chance, in MB. */
const mostGrowth = 20;
if (report.faults.length > 0 || grown > mostGrowth || after.handles > before.handles + 2)
  process.exitCode = 1;
