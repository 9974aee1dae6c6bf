import { formatTime } from '../../text/time.ts';
import type { NewEvidence } from '../evidence/evidence.ts';
import type { ImportedLines, RemovedList, Suppression, SuppressionRecord } from '../suppressions.ts';
import { auditedByCommand } from './audit.ts';
import type { Change } from './database.ts';
import { recordEvidence } from './evidence/pending.ts';

/** An entry, with the id of the key if a partner sent it. */
export interface SentEntry extends Suppression {
  keyId?: string;
}

/** Returns the evidence of an objection, which takes effect when it is committed. */
export function evidenceOfObjection({
  mobile,
  type,
  source,
  sourceId,
  reason,
  objectedAt,
  keyId,
}: SentEntry): NewEvidence {
  return {
    kind: 'objection',
    mobile,
    happenedAt: objectedAt,
    content: {
      channel: source,
      entered_by: sourceId === '' ? null : sourceId,
      key_id: keyId ?? null,
      lead_type: type ?? 'all',
      reason: reason ?? null,
      effective_at: formatTime(Date.now()),
    },
  };
}

/** An entry that was removed. */
export type RemovedEntry = Pick<SuppressionRecord, 'mobile' | 'source' | 'sourceId' | 'enteredAt'> & {
  type: string | null;
  keyId: string | null;
};

/** Returns the evidence of the removal of an entry: without it, a later call would seem to ignore the objection. */
export function evidenceOfRemoval({
  mobile,
  type,
  source,
  sourceId,
  enteredAt,
  keyId,
}: RemovedEntry): NewEvidence {
  return {
    kind: 'objection',
    mobile,
    happenedAt: Date.now(),
    content: {
      removed: true,
      channel: source,
      entered_by: sourceId === '' ? null : sourceId,
      key_id: keyId,
      lead_type: type ?? 'all',
      entered_at: formatTime(enteredAt),
    },
  };
}

/** Returns the evidence of lines that were imported together. @param added number of entries that were not in the list before */
export function evidenceOfImport({ list, file, lines, operator }: ImportedLines, added: number): NewEvidence {
  const content = { list, file, lines, added, imported_by: operator };
  return { kind: 'import', mobile: null, happenedAt: Date.now(), content };
}

/** Records in the evidence that an imported list was removed (see `Suppressions.recordRemovedList`). */
export function* recordRemovedList({ list, operator, removed }: RemovedList): Change<void> {
  // The command has recorded itself, or its steps.
  yield* auditedByCommand();
  const content = { list, removed: true, entries: removed, removed_by: operator };
  yield* recordEvidence({ kind: 'import', mobile: null, happenedAt: Date.now(), content });
}
