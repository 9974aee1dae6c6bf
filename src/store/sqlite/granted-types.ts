import type { DatabaseSync } from 'node:sqlite';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

interface GrantedType {
  id: number;
  recontactAfter: number | null;
}

/** The type of this name, where the partner may send leads of it. */
export type FindGrantedType = (type: string, partnerId: number) => GrantedType | undefined;

export function grantedTypes(database: DatabaseSync, queue: CommitQueue): FindGrantedType {
  const cache = queue.cache<GrantedType>();
  const query = new Query<GrantedType>(
    database,
    `SELECT lead_type.id, lead_type.recontact_after AS recontactAfter
     FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
     WHERE lead_type.name = ? AND granted_type.partner_id = ?`,
  );
  return (type, partnerId) => cache.get(`${partnerId} ${type}`, () => query.first(type, partnerId));
}
