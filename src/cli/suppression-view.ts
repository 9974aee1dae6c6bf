import type { SuppressionRecord, SuppressionSource } from '../store/suppressions.ts';
import { formatTime } from '../text/time.ts';
import type { View } from './output.ts';

/** An entry of the do-not-call list, or a number in the list of a registry. */
export interface ShownEntry extends Omit<SuppressionRecord, 'source'> {
  source: SuppressionSource | 'registry';
}

/** Members of an entry of the do-not-call list in JSON, and the columns of its export. */
export const suppressionMembers = {
  mobile: 'phone number (E.164); the keyed digest of an erased person’s number',
  type: 'name of the lead type; null: all types',
  source: '`partner`, `operator`, `import`, `dialler` or `registry`',
  source_id:
    'name of the partner, of the imported list, of the dialler or of the registry; empty for operators',
  reason: 'reason; null: none',
  objected_at: 'when the person objected, or the date of the list of the registry (ISO 8601)',
  entered_at: 'when it was entered (ISO 8601)',
  key_id: 'id of the key that the partner sent it with; null: it is from no partner',
};

/** How an entry of the do-not-call list is displayed. */
export const suppressionView: View<ShownEntry, keyof typeof suppressionMembers> = {
  columns: {
    MOBILE: ({ mobile }) => (isNumber(mobile) ? mobile : `erased ${mobile.slice(0, digestPrefix)}`),
    TYPE: ({ type, source }) => type ?? (source === 'registry' ? '' : '(all)'),
    SOURCE: (entry) => describeOrigin(entry),
    OBJECTED: ({ objectedAt }) => ({ time: objectedAt }),
    ENTERED: ({ enteredAt }) => ({ time: enteredAt }),
    KEY: ({ keyId }) => keyId ?? '',
    REASON: ({ reason }) => reason ?? '',
  },
  narrow: ['MOBILE', 'TYPE', 'SOURCE', 'OBJECTED', 'REASON'],
  json: ({ mobile, type, source, sourceId, reason, objectedAt, enteredAt, keyId }) => ({
    mobile,
    type: type ?? null,
    source,
    source_id: sourceId,
    reason: reason ?? null,
    objected_at: formatTime(objectedAt),
    entered_at: formatTime(enteredAt),
    key_id: keyId ?? null,
  }),
};

/** Number of characters that identify a digest in a table. */
const digestPrefix = 8;

function isNumber(mobile: string): boolean {
  return mobile.startsWith('+');
}

/** Describes an origin, such as `partner acme`. */
export function describeOrigin({ source, sourceId }: Pick<ShownEntry, 'source' | 'sourceId'>): string {
  return source === 'import' ? `list ${sourceId}` : `${source} ${sourceId}`.trimEnd();
}
