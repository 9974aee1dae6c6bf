import type { AppendTerms, EvidenceChain, EvidenceEntry } from '../../evidence/evidence.ts';
import { contentDigest, linkMac, startSeal } from '../../evidence/seal.ts';
import type { StoreKey } from '../../keys/store-key.ts';
import { userErrors } from '../../user-errors.ts';
import { auditedByCommand } from '../audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from '../database.ts';
import { statement } from '../statement.ts';
import { selectKeys } from '../store-key-records.ts';
import { endOf, phaseOf, positionAfter } from './position.ts';
import { attemptsAfter, submissionsAfter, takePending, type Unchained } from './sources.ts';

/** How far the chain reaches, as it is stored. */
interface ChainRow extends Omit<EvidenceChain, 'headMac'> {
  /** Null: the last entry is missing, or there is none. */
  headMac: string | null;
  submissionSettled: number;
  submissionSeen: number;
  attemptSettled: number;
  attemptSeen: number;
  horizon: number | null;
  /** Numbers of the transactions in progress (see `SqlDialect.transactions`). */
  firstTransaction: number;
  nextTransaction: number;
}

const chainColumns = `
  head_sequence AS "headSequence", (SELECT mac FROM evidence WHERE sequence = head_sequence) AS "headMac",
  start_sequence AS "startSequence", start_mac AS "startMac", start_key_id AS "startKeyId", start_seal AS "startSeal"`;

/** The row is locked, so that one process at a time adds entries; another finds no row and adds none. */
const lockAvailableChain = statement<ChainRow>(
  'lock_available_evidence_chain',
  ({ lockAvailable, transactions }) => `${selectPositions(transactions)} ${lockAvailable('evidence_chain')}`,
);

/** Waits for another process that adds entries. */
const lockChain = statement<ChainRow>(
  'lock_evidence_chain',
  ({ lock, transactions }) => `${selectPositions(transactions)} ${lock('evidence_chain')}`,
);

function selectPositions({ start, end }: { start: string; end: string }): string {
  return `
    SELECT ${chainColumns}, submission_settled AS "submissionSettled", submission_seen AS "submissionSeen",
      attempt_settled AS "attemptSettled", attempt_seen AS "attemptSeen", horizon,
      ${start} AS "firstTransaction", ${end} AS "nextTransaction"
    FROM evidence_chain WHERE id = 1`;
}

/** Returns where the chain begins and ends, and locks it until the change has ended. Undefined: it has not begun. */
export function* lockedChain(): Change<ChainRow | undefined> {
  return yield* firstRow(lockChain);
}

const insertChain = statement(
  'begin_evidence_chain',
  `INSERT INTO evidence_chain
     (id, head_sequence, start_sequence, start_mac, start_seal,
      submission_settled, submission_seen, attempt_settled, attempt_seen)
   VALUES (1, 0, 0, '', $1, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING`,
);

const selectChain = statement<EvidenceChain>(
  'evidence_chain',
  `SELECT ${chainColumns} FROM evidence_chain WHERE id = 1`,
);

const emptyChain: EvidenceChain = {
  headSequence: 0,
  headMac: '',
  startSequence: 0,
  startMac: '',
  startKeyId: null,
  startSeal: startSeal(undefined, 0, ''),
};

/** Reads where the chain begins and ends. */
export async function readChain(database: SqlDatabase): Promise<EvidenceChain> {
  const [row] = await database.read(selectChain);
  return row === undefined ? emptyChain : { ...row, headMac: row.headMac ?? '' };
}

const insertEntries = statement(
  'insert_evidence',
  ({ records }) => `
    INSERT INTO evidence (sequence, kind, source, source_id, mobile, other_mobile, happened_at, recorded_at, content,
      key_id, digest, mac)
    SELECT sequence, kind, source, source_id, mobile, other_mobile, happened_at, recorded_at, content, key_id, digest, mac
    FROM ${records('$1', {
      sequence: 'bigint',
      kind: 'text',
      source: 'text',
      source_id: 'text',
      mobile: 'text',
      other_mobile: 'text',
      happened_at: 'bigint',
      recorded_at: 'bigint',
      content: 'text',
      key_id: 'text',
      digest: 'text',
      mac: 'text',
    })}`,
);

const updateHead = statement('set_evidence_head', 'UPDATE evidence_chain SET head_sequence = $1');

const updatePositions = statement(
  'set_evidence_positions',
  `UPDATE evidence_chain SET submission_settled = $1, submission_seen = $2, attempt_settled = $3, attempt_seen = $4,
     horizon = $5`,
);

const lastNumbers = statement<{ submission: number; attempt: number }>(
  'last_numbers',
  `SELECT coalesce((SELECT max(sequence) FROM submission), 0) AS submission,
     coalesce((SELECT max(id) FROM attempt), 0) AS attempt`,
);

/** SQLite gives the number of the last row, if it is removed, to the next one, which is not in the chain. */
const rewindSubmissions = statement(
  'rewind_evidence_submissions',
  `UPDATE evidence_chain SET submission_settled = last.number, submission_seen = last.number
   FROM (SELECT coalesce(max(sequence), 0) AS number FROM submission) AS last WHERE submission_settled > last.number`,
);

const rewindAttempts = statement(
  'rewind_evidence_attempts',
  `UPDATE evidence_chain SET attempt_settled = last.number, attempt_seen = last.number
   FROM (SELECT coalesce(max(id), 0) AS number FROM attempt) AS last WHERE attempt_settled > last.number`,
);

/** Adapts the chain to removed submissions and attempts. Every change that removes some must end with it. */
export function* rewindChain(): Change<void> {
  yield* run(rewindSubmissions);
  yield* run(rewindAttempts);
}

const pendingExists = statement('pending_exists', 'SELECT 1 FROM evidence_pending LIMIT 1');

const positions = statement<Pick<ChainRow, 'submissionSettled' | 'attemptSettled'>>(
  'evidence_positions',
  `SELECT submission_settled AS "submissionSettled", attempt_settled AS "attemptSettled" FROM evidence_chain`,
);

/** Adds what is not in the chain yet. Returns the number of entries. See `Evidence.appendEvidence`. */
export async function appendEvidence(database: SqlDatabase, terms: AppendTerms): Promise<number> {
  // Usually there is nothing to add, and even an empty transaction would be synced.
  const [position] = await database.read(positions);
  const [last] = await database.read(lastNumbers);
  const isComplete =
    position?.submissionSettled === last?.submission && position?.attemptSettled === last?.attempt;
  if (isComplete && (await database.read(pendingExists)).length === 0) return 0;
  if (position === undefined) await database.change(begin);
  return database.change(() => append(terms));
}

function* begin(): Change<void> {
  yield* auditedByCommand();
  yield* run(insertChain, emptyChain.startSeal);
}

function* append(terms: AppendTerms): Change<number> {
  yield* auditedByCommand();
  const chain = yield* firstRow(lockAvailableChain);
  if (chain === undefined) return 0;
  const pending = yield* takePending(terms);
  const submissions = yield* submissionsAfter(chain.submissionSettled, terms);
  const attempts = yield* attemptsAfter(chain.attemptSettled, terms);
  const entries = [...pending, ...submissions.entries, ...attempts.entries];
  yield* appendEntries(chain, entries, terms.key);
  const last = yield* firstRow(lastNumbers);
  const phase = phaseOf(chain);
  const submission = { settled: chain.submissionSettled, seen: chain.submissionSeen };
  const attempt = { settled: chain.attemptSettled, seen: chain.attemptSeen };
  const submissionNow = positionAfter(submission, endOf(submissions, last?.submission, terms), phase);
  const attemptNow = positionAfter(attempt, endOf(attempts, last?.attempt, terms), phase);
  const { settled, seen } = submissionNow;
  yield* run(updatePositions, settled, seen, attemptNow.settled, attemptNow.seen, phase.horizon);
  return entries.length;
}

/**
 * Ensures that the chain does not continue without protection because a process lacks the key.
 *
 * @throws {UserError} if there is no key, and the store has one
 */
export function* checkProtected(key: StoreKey | undefined): Change<void> {
  if (key !== undefined) return;
  const ids = (yield* run(selectKeys)).map(({ id }) => id);
  if (ids.length > 0) throw userErrors.evidenceWithoutKey(ids);
}

/** Adds entries after the last one. */
export function* appendEntries(
  { headSequence, headMac, startMac }: Pick<ChainRow, 'headSequence' | 'headMac' | 'startMac'>,
  entries: readonly Unchained[],
  key: StoreKey | undefined,
): Change<void> {
  if (entries.length === 0) return;
  yield* checkProtected(key);
  const recordedAt = Date.now();
  let previous = headMac ?? startMac;
  const sealed = entries.map((entry, index) => {
    const sequence = headSequence + 1 + index;
    // PostgreSQL cannot store U+0000.
    const content = entry.content?.replaceAll('\0', '\ufffd') ?? null;
    const digest = contentDigest(key, { ...entry, content, recordedAt });
    previous = linkMac(key, sequence, previous, digest);
    return rowOf({ ...entry, content, sequence, recordedAt, keyId: key?.id ?? null, digest, mac: previous });
  });
  yield* run(insertEntries, JSON.stringify(sealed));
  yield* run(updateHead, headSequence + entries.length);
}

function rowOf(entry: EvidenceEntry): Record<string, string | number | null> {
  const { sequence, kind, source, sourceId, mobile, otherMobile } = entry;
  const { happenedAt, recordedAt, content, keyId, digest, mac } = entry;
  return {
    sequence,
    kind,
    source,
    source_id: sourceId,
    mobile,
    other_mobile: otherMobile,
    happened_at: happenedAt,
    recorded_at: recordedAt,
    content,
    key_id: keyId,
    digest,
    mac,
  };
}
