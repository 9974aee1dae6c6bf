/** `npm run torture`: kill -9 under load, 200 times; then a full disk, and one that cannot be written. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shownUrl } from '../../src/store/open.ts';
import { storeUrlOf } from '../../src/store/store-argument.ts';
import { post } from '../harness/client.ts';
import { requestValue } from '../harness/contract.ts';
import { crashRounds } from './crash.ts';
import { allowWrites, fill, isStored, missingFor, startOnDisk, startOnSmallDisk } from './disk.ts';

const person = requestValue('addLead', 'accepted');
const directory = mkdtempSync(join(tmpdir(), 'leads-torture-'));
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    store: { type: 'string', default: `sqlite:${directory}/leads.db` },
  },
});

const storeUrl = readStoreUrl();

try {
  const results = [await killed(), await full(), await unwritable()];
  if (results.includes(false)) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true });
}

async function killed(): Promise<boolean> {
  const rounds = Number(values.rounds);
  say(`kill -9 under load, ${rounds} rounds on ${shownUrl(storeUrl)}`);
  const report = await crashRounds(storeUrl, rounds, (round) => {
    if (round % 20 === 0) say(`  ${round} rounds`);
  });
  say(`  acknowledged      ${report.acknowledged}`);
  say(`  sent again        ${report.sentAgain}, of which ${report.hadBeenSaved} had been saved`);
  say(`  lost              ${report.lost.length}`);
  say(`  taken twice       ${report.takenTwice.length}`);
  say(`  wrongly answered  ${report.wronglyAnswered.length}`);
  const faults = [...report.lost, ...report.takenTwice, ...report.wronglyAnswered];
  for (const fault of faults.slice(0, 20)) say(`  ${fault}`);
  return faults.length === 0;
}

async function full(): Promise<boolean> {
  const reason = missingFor('full');
  if (reason !== undefined) return skipped('a full disk', reason);
  const { child, target, makeRoom } = await startOnSmallDisk(directory);
  try {
    const { saved, refused } = await fill(target);
    const isHonest = !(await isStored(target, refused));
    makeRoom();
    const { status } = await post(target, 'addLead', { ...person, mobile: refused });
    const there = await Promise.all(saved.map((mobile) => isStored(target, mobile)));
    const lost = there.filter((isThere) => !isThere).length;
    say(`a full disk: ${saved.length} saved, then 500; lost ${lost}; after room was made ${status}`);
    return isHonest && lost === 0 && status === 200;
  } finally {
    child.kill('SIGKILL');
  }
}

async function unwritable(): Promise<boolean> {
  const reason = missingFor('unwritable');
  if (reason !== undefined) return skipped('a disk that cannot be written', reason);
  const { child, target } = await startOnDisk(`${directory}/unwritable`);
  try {
    allowWrites(child, false);
    const { status: refused } = await post(target, 'addLead', person);
    const isHonest = !(await isStored(target, String(person['mobile'])));
    allowWrites(child, true);
    const { status } = await post(target, 'addLead', person);
    say(`a disk that cannot be written: ${refused}; afterwards ${status}`);
    return refused === 500 && isHonest && status === 200;
  } finally {
    child.kill('SIGKILL');
  }
}

/** A wrong argument is reported in a sentence, and not repeated with its password in a trace. */
function readStoreUrl(): string {
  try {
    return storeUrlOf(values.store, process.env);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

function skipped(what: string, reason: string): true {
  say(`${what}: not tried, since ${reason}`);
  return true;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
