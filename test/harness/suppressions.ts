import type { Suppression } from '../../src/store/suppressions.ts';

/** An entry by an operator for all lead types. */
export function operatorEntry(mobile: string, changes: Partial<Suppression> = {}): Suppression {
  return {
    mobile,
    type: undefined,
    source: 'operator',
    sourceId: '',
    reason: 'asked',
    objectedAt: 1,
    ...changes,
  };
}
