import type { DatabaseSync } from 'node:sqlite';
import { outcomeWithActiveLead } from '../../../leads/lead.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import type { Decision } from '../../sql/operator-actions.ts';
import { Query } from '../query.ts';
import type { GrantedType } from './granted-types.ts';

/** Decides on people whose numbers the store no longer contains; undefined: it does not know the person by a digest. */
export type DigestDecision = (mobile: string, type: GrantedType, now: number) => Decision | undefined;

/** Prepares the statements that search digests. */
export function digestDecision(database: DatabaseSync, digests: PersonDigests): DigestDecision {
  const suppressed = new Query(
    database,
    'SELECT 1 FROM suppression WHERE mobile = ? AND (+type_id = 0 OR +type_id = ?) LIMIT 1',
  );
  const contacted = new Query<{ dialledAt: number }>(
    database,
    'SELECT dialled_at AS dialledAt FROM contacted_person WHERE digest = ? AND type_id = ?',
  );
  return (mobile, { id, recontactAfter }, now) => {
    const ofPerson = digests.of(mobile);
    if (ofPerson.some((digest) => suppressed.first(digest, id) !== undefined))
      return { outcome: 'do-not-call', leadId: null };
    const times = ofPerson.flatMap((digest) => contacted.first(digest, id)?.dialledAt ?? []);
    if (times.length === 0) return undefined;
    const contact = { state: 'dialled', dialledAt: Math.max(...times) } as const;
    const outcome = outcomeWithActiveLead(contact, recontactAfter, now);
    return outcome === 'accepted' ? undefined : { outcome, leadId: null };
  };
}
