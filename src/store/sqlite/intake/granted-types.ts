import type { DatabaseSync } from 'node:sqlite';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';

interface GrantedType {
  id: number;
  /** Re-contact period (ms); null: dialled people are never accepted again. */
  recontactAfter: number | null;
}

/** Returns the lead type if it exists and is granted to the partner. */
export type FindGrantedType = (type: string, partnerId: number) => GrantedType | undefined;

/** Creates a look-up of granted types that is cached for one event-loop tick. */
export function grantedTypeLookup(database: DatabaseSync, queue: CommitQueue): FindGrantedType {
  const cache = queue.cache<GrantedType>();
  const query = new Query<GrantedType>(
    database,
    `SELECT lead_type.id, lead_type.recontact_after AS recontactAfter
     FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
     WHERE lead_type.name = ? AND granted_type.partner_id = ?`,
  );
  return (type, partnerId) => cache.get(`${partnerId} ${type}`, () => query.first(type, partnerId));
}
