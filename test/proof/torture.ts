/** `npm run torture`: kills a server under load 200 times, has people object during delivery, then causes every other fault. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { storeUrlOf } from '../../src/store/store-argument.ts';
import { redactedUrl } from '../../src/store/store-url.ts';
import { crashRounds } from './crash.ts';
import { atExit } from './endings.ts';
import { fileFaults } from './file-faults.ts';
import { objectionRaces } from './objection-races.ts';
import { postgresFaults } from './postgres-faults.ts';
import { type Fault, runFault } from './scene.ts';

const directory = mkdtempSync(join(tmpdir(), 'leads-torture-'));
atExit(() => rmSync(directory, { recursive: true, force: true }));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    people: { type: 'string', default: '5000' },
    store: { type: 'string', default: `sqlite:${directory}/leads.db` },
  },
});

const storeUrl = readStoreUrl();

const results = [await killed(), await raced(), await runAll(faultsOf(storeUrl))];
if (results.includes(false)) process.exitCode = 1;

async function killed(): Promise<boolean> {
  const rounds = Number(values.rounds);
  print(`kill -9 under load, ${rounds} rounds on ${redactedUrl(storeUrl)}`);
  const report = await crashRounds(atExit, storeUrl, rounds, (round) => {
    if (round % 20 === 0) print(`  ${round} rounds`);
  });
  print(`  acknowledged              ${report.acknowledged}`);
  print(`  cancellations             ${report.cancellations}, of which ${report.cancelled} cancelled a lead`);
  print(`  printed by due --take     ${report.printed}`);
  print(`  sent again                ${report.resent}, of which ${report.replayed} had been saved`);
  print(`  lost                      ${report.lost.length}`);
  print(`  accepted/delivered twice  ${report.duplicated.length}`);
  print(`  called after cancellation ${report.calledAfterCancellation.length}`);
  print(`  wrong responses           ${report.wrongResponses.length}`);
  const { lost, duplicated, calledAfterCancellation, wrongResponses } = report;
  const faults = [...lost, ...duplicated, ...calledAfterCancellation, ...wrongResponses];
  for (const fault of faults.slice(0, 20)) print(`  ${fault}`);
  return faults.length === 0;
}

/** Runs in a file of its own if the store is SQLite: the servers deliver everything that the store contains. */
async function raced(): Promise<boolean> {
  const people = Number(values.people);
  const url = storeUrl.startsWith('sqlite:') ? `sqlite:${directory}/races.db` : storeUrl;
  print(`objections and erasures during delivery by two servers, ${people} people on ${redactedUrl(url)}`);
  const report = await objectionRaces(atExit, url, people);
  print(`  delivered                 ${report.delivered}, of which ${report.withdrawn} were withdrawn`);
  print(`  objections, erasures      ${report.objections}, ${report.erasures}`);
  print(`  called after objection    ${report.calledAfterObjection.length}`);
  print(`  called after erasure      ${report.calledAfterErasure.length}`);
  print(`  not withdrawn             ${report.notWithdrawn.length}`);
  print(`  not erased                ${report.notErased.length}`);
  print(`  wrong responses           ${report.wrongResponses.length}`);
  const { calledAfterObjection, calledAfterErasure, notWithdrawn, notErased, wrongResponses } = report;
  const faults = [calledAfterObjection, calledAfterErasure, notWithdrawn, notErased, wrongResponses].flat();
  for (const fault of faults.slice(0, 20)) print(`  ${fault}`);
  return faults.length === 0;
}

function faultsOf(url: string): readonly Fault[] {
  if (url.startsWith('sqlite:')) return fileFaults;
  print('File faults are skipped for this store. Run this command without --store to include them.');
  return postgresFaults(url);
}

async function runAll(faults: readonly Fault[]): Promise<boolean> {
  let haveAllPassed = true;
  for (const fault of faults) {
    const { line, outcome } = await runFault(fault);
    print(line);
    haveAllPassed &&= outcome !== 'failed';
  }
  return haveAllPassed;
}

/** Reports an invalid argument in one sentence: a stack trace could contain its password. */
function readStoreUrl(): string {
  try {
    return storeUrlOf(values.store, process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
