import type { RemovedEvidence } from '../../evidence/evidence.ts';
import { startSeal } from '../../evidence/seal.ts';
import type { StoreKey } from '../../keys/store-key.ts';
import { stepSize } from '../../steps.ts';
import { auditedByCommand } from '../audit.ts';
import { type Change, firstRow, run } from '../database.ts';
import { statement } from '../statement.ts';
import { appendEntries, checkProtected, lockedChain } from './chain.ts';

/** Condition: the entry is older than `$1`, and is no removal, which trimming the beginning removes. */
const isOld = `happened_at < $1 AND content IS NOT NULL AND kind <> 'removal'`;

/** Condition: nothing newer than `$1` is known about the person of an entry. */
const hasNothingNewer = `
  NOT EXISTS (
    SELECT 1 FROM evidence AS newer WHERE newer.mobile = evidence.mobile AND newer.happened_at >= $1)
  AND NOT EXISTS (
    SELECT 1 FROM evidence AS newer WHERE newer.other_mobile = evidence.mobile AND newer.happened_at >= $1)
  AND NOT EXISTS (
    SELECT 1 FROM evidence AS newer WHERE newer.mobile = evidence.other_mobile AND newer.happened_at >= $1)`;

/** Counts the entries that have expired. */
export const countExpired = statement<{ count: number }>(
  'count_expired_evidence',
  `SELECT count(*) AS count FROM evidence WHERE ${isOld} AND ${hasNothingNewer}`,
);

const oldEntries = statement<{ sequence: number; isExpired: boolean }>(
  'old_evidence',
  `SELECT sequence, ${hasNothingNewer} AS "isExpired" FROM evidence
   WHERE sequence > $2 AND ${isOld} ORDER BY sequence LIMIT $3`,
  { isExpired: true },
);

const ofPerson = statement<{ sequence: number }>(
  'evidence_sequences_of',
  `SELECT sequence FROM evidence WHERE (mobile = $1 OR other_mobile = $1) AND content IS NOT NULL ORDER BY sequence`,
);

const removeContent = statement(
  'remove_evidence_content',
  ({ inList }) => `
    UPDATE evidence SET content = NULL, mobile = NULL, other_mobile = NULL
    WHERE CAST(sequence AS text) ${inList('$1')}`,
);

/** The last of the entries without content with which the chain begins; removals that are old enough count. */
const lastRemovable = statement<{ sequence: number; mac: string }>(
  'last_removable_evidence',
  `SELECT sequence, mac FROM evidence
   WHERE sequence < coalesce(
     (SELECT min(sequence) FROM evidence
      WHERE content IS NOT NULL AND NOT (kind = 'removal' AND happened_at < $1)),
     (SELECT max(sequence) FROM evidence))
   ORDER BY sequence DESC LIMIT 1`,
);

const deleteBeginning = statement('delete_evidence', 'DELETE FROM evidence WHERE sequence <= $1');

const updateStart = statement(
  'set_evidence_start',
  'UPDATE evidence_chain SET start_sequence = $1, start_mac = $2, start_key_id = $3, start_seal = $4',
);

/** Removes a limited number of expired entries. See `Evidence.removeExpiredEvidence`. */
export function* removeExpired(
  before: number,
  after: number,
  key: StoreKey | undefined,
): Change<RemovedEvidence> {
  yield* auditedByCommand();
  if ((yield* lockedChain()) === undefined) return { removed: 0, next: undefined };
  const old = yield* run(oldEntries, before, after, stepSize);
  const sequences = old.filter(({ isExpired }) => isExpired).map(({ sequence }) => sequence);
  yield* removeEntries(sequences, 'The retention period has ended.', key);
  const next = old.length < stepSize ? undefined : old.at(-1)?.sequence;
  if (next === undefined) yield* trimBeginning(before, key);
  return { removed: sequences.length, next };
}

/** Removes all entries about a person. See `Evidence.removeEvidenceOf`. */
export function* removeEvidenceOf(mobile: string, reason: string, key: StoreKey | undefined): Change<number> {
  if ((yield* lockedChain()) === undefined) return 0;
  const sequences = (yield* run(ofPerson, mobile)).map(({ sequence }) => sequence);
  yield* removeEntries(sequences, reason, key);
  return sequences.length;
}

function* removeEntries(
  sequences: readonly number[],
  reason: string,
  key: StoreKey | undefined,
): Change<void> {
  if (sequences.length === 0) return;
  yield* run(removeContent, sequences.map(String));
  const chain = yield* lockedChain();
  if (chain === undefined) throw new Error('The chain of evidence has no beginning.');
  const sourceId = String(chain.headSequence + 1);
  const content = JSON.stringify({ reason, sequences: rangesOf(sequences) });
  const entry = { kind: 'removal', source: 'evidence', sourceId, mobile: null, otherMobile: null } as const;
  yield* appendEntries(chain, [{ ...entry, happenedAt: Date.now(), content }], key);
}

function* trimBeginning(before: number, key: StoreKey | undefined): Change<void> {
  const last = yield* firstRow(lastRemovable, before);
  if (last === undefined) return;
  yield* checkProtected(key);
  yield* run(deleteBeginning, last.sequence);
  yield* run(updateStart, last.sequence, last.mac, key?.id ?? null, startSeal(key, last.sequence, last.mac));
}

/** Returns ascending numbers as ranges: `[1, 2, 3, 7]` -> `[[1, 3], [7, 7]]`. */
function rangesOf(numbers: readonly number[]): [first: number, last: number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range?.[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
