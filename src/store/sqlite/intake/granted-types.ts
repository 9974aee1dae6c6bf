import type { DatabaseSync } from 'node:sqlite';
import { acceptsLeads, typeIdOf } from '../../sql/type-name.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { Query } from '../query.ts';

/** A lead type that is or was granted to a partner. */
export interface GrantedType {
  id: number;
  /** Whether the partner can add leads: the grant is not revoked, and the type is not retired (0 or 1). */
  acceptsLeads: number;
  /** Re-contact period (ms); null: dialled people are never accepted again. */
  recontactAfter: number | null;
  /** Whether leads that the dialler has, or may have, are withdrawn if they are cancelled (0 or 1). */
  withdraws: number;
  /** Names of the registries whose lists it requires, separated by commas; null: none. */
  registries: string | null;
  /** Whether leads that contain the person's consent are accepted although a registry lists the number (0 or 1). */
  registryOverride: number;
}

/**
 * Returns the lead type with a name, or a former name, if it is or was granted to the partner: leads can be cancelled
 * and looked up even if no more are accepted.
 */
export type FindGrantedType = (type: string, partnerId: number) => GrantedType | undefined;

/** Creates a look-up of granted types that is cached for one event-loop tick. */
export function grantedTypeLookup(database: DatabaseSync, queue: CommitQueue): FindGrantedType {
  const cache = queue.cache<GrantedType>();
  const query = new Query<GrantedType>(
    database,
    `SELECT lead_type.id, lead_type.recontact_after AS recontactAfter, ${acceptsLeads} AS acceptsLeads,
       lead_type.withdraws, lead_type.registries, lead_type.registry_override AS registryOverride
     FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
     WHERE lead_type.id = ${typeIdOf('?1')} AND granted_type.partner_id = ?2`,
  );
  return (type, partnerId) => cache.get(`${partnerId} ${type}`, () => query.first(type, partnerId));
}
