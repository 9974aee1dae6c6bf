import { formatTime } from '../../text/time.ts';
import type { NewEvidence } from '../evidence/evidence.ts';
import type { ImportRecord, Suppression, SuppressionRecord } from '../suppressions.ts';
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

/** Records in the evidence that a list was imported or removed (see `Suppressions.recordImport`). */
export function* recordImport({ list, operator, imported, removed }: ImportRecord): Change<void> {
  // The command has recorded itself, or its steps.
  yield* auditedByCommand();
  const what =
    imported === undefined
      ? { removed: true, entries: removed ?? 0, removed_by: operator }
      : {
          file: imported.file,
          lines: imported.lines,
          added: imported.added,
          imported_by: operator,
          ...(!imported.isComplete && { interrupted: true }),
        };
  yield* recordEvidence({
    kind: 'import',
    mobile: null,
    happenedAt: Date.now(),
    content: { list, ...what },
  });
}
