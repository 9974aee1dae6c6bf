/**
 * Runs the same random sequences of calls on SQLite and on PostgreSQL, and compares each result, or the message of its
 * error, and at the end all rows. Variables: EQUIVALENCE_RUNS is the number of sequences; EQUIVALENCE_SEED and
 * EQUIVALENCE_PATH, which a failure prints, repeat it (docs/operating/failure-tests.md).
 *
 * Not compared: the random ids of leads and the numbers of rows (by order of appearance instead), the databases' own
 * errors, text that PostgreSQL cannot hold, and concurrent calls other than submissions or cancellations that arrive
 * together.
 */
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../src/errors/user-error.ts';
import { CancelledLater } from '../../src/store/cancelled-later.ts';
import type { Call } from './equivalence/call.ts';
import { seed, sequences } from './equivalence/calls.ts';
import { contentsOf } from './equivalence/contents.ts';
import { type Pair, pairOpener, type Subject } from './equivalence/subject.ts';
import { openStore } from './stores.ts';

/**
 * Methods that no sequence calls: those for whole stores, files and keys, which differ, those of one process, and those
 * of the audit log, which records the times of the program, and those of webhooks, whose events have the times of the
 * databases.
 */
const notCompared = [
  'addRows',
  'lastRow',
  'countRows',
  'backup',
  'lastBackupAt',
  'shrink',
  'erase',
  'compact',
  'onChange',
  'onWithdrawal',
  'waiting',
  'actAs',
  'appendEvidence',
  'evidenceEntries',
  'evidenceOf',
  'evidenceChain',
  'countExpiredEvidence',
  'removeExpiredEvidence',
  'removeEvidenceOf',
  'storeKeyIds',
  'forgottenStoreKeys',
  'lastResults',
  'recordStoreKey',
  'usesOfStoreKey',
  'evidenceOfImports',
  'recordRemovedList',
  'forgetStoreKey',
  'recordAudit',
  'auditEntries',
  'deleteAuditEntries',
  'submissionsWithOtherPhone',
  'sentNumbers',
  'leadNumbers',
  'personalRows',
  'deliveriesSince',
  'namesById',
  'directory',
  'copyDirectory',
  'setWebhook',
  'rotateWebhook',
  'removeWebhook',
  'webhooks',
  'dueWebhooks',
  'claimEvents',
  'recordWebhookAttempts',
  'webhookAttempts',
  'resendEvents',
  'stopDelivery',
  'deliveryState',
  'erasePerson',
  'erasures',
  'erasuresOf',
  'recordErasures',
  'checkReady',
  'isServing',
  'clockSkew',
  'close',
];

const runs = Number(process.env['EQUIVALENCE_RUNS'] ?? 20);
const chosenSeed = Number(process.env['EQUIVALENCE_SEED'] ?? randomInt(2 ** 31));
const path = process.env['EQUIVALENCE_PATH'] ?? '';

/** Returns the result of a call or the error that it throws for an operator, as text. Other errors fail the test. */
async function textOf(subject: Subject, call: Pick<Call, 'run'>): Promise<string> {
  try {
    return subject.textOf(await call.run(subject));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { cancellations } = error instanceof CancelledLater ? error : {};
    return subject.textOf({ error: error.message, cancellations });
  }
}

/** Runs a sequence on both stores. @throws if a result differs */
async function compare({ sqlite, postgres, advance }: Pair, sequence: readonly Call[]): Promise<void> {
  await Promise.all([seed(sqlite), seed(postgres)]);
  for (const call of [...sequence, { wait: 0, run: contentsOf, toString: () => 'the rows at the end' }]) {
    await advance(call.wait);
    const [expected, actual] = [await textOf(sqlite, call), await textOf(postgres, call)];
    expect(actual, `PostgreSQL (received) differs from SQLite (expected): ${call}`).toBe(expected);
  }
}

// Shrinking a failure runs hundreds of sequences.
test('both stores return the same for random sequences of calls', {
  timeout: 300_000 + runs * 1000,
}, async () => {
  const open = await pairOpener();
  console.log(`${runs} sequences with EQUIVALENCE_SEED=${chosenSeed}`);
  const property = fc.asyncProperty(sequences, async (sequence) => compare(await open(), sequence));
  const result = await fc.check(property, { numRuns: runs, seed: chosenSeed, path });
  if (!result.failed) return;
  const calls = result.counterexample?.[0].map((call) => `  ${call}`).join('\n');
  throw new Error(
    `Repeat it with EQUIVALENCE_SEED=${result.seed} EQUIVALENCE_PATH=${result.counterexamplePath}. The sequence:\n${calls}`,
    { cause: result.errorInstance },
  );
});

test('the sequences contain every other call of a store', () => {
  const directory = new URL('equivalence/', import.meta.url);
  const sources = readdirSync(directory).map((name) => readFileSync(new URL(name, directory), 'utf8'));
  const called = new Set(Array.from(sources.join().matchAll(/\bstore\.(\w+)\(/g), ([, method]) => method));
  const methods = Object.keys(openStore());
  expect(methods.filter((method) => !called.has(method)).toSorted()).toEqual(notCompared.toSorted());
});
