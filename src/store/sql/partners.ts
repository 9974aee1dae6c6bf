import { startOfDay } from '../../partners/day.ts';
import type { Partner } from '../../partners/partner.ts';
import type { PartnerLimit } from '../../partners/rate-limit.ts';
import type { PartnerRecord, Partners } from '../partners.ts';
import { userErrors } from '../user-errors.ts';
import { audit } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { isActiveKey } from './key-holder.ts';
import { namedType } from './lead-types.ts';
import { columnsOf, type LimitColumns, limitOf } from './limit-columns.ts';
import { membersByName } from './members-by-name.ts';
import { deleteWebhookOf } from './partner-webhooks.ts';
import { statement } from './statement.ts';

/** Manages the partners in a database. */
export function partners(database: SqlDatabase): Partners {
  return {
    addPartner: (name, types) => database.change(() => addPartner(name, types)),
    partners: () => listPartners(database),
    grantType: (partner, type) => database.change(() => grantType(partner, type)),
    revokeType: (partner, type) => database.change(() => revokeType(partner, type)),
    limitPartner: (partner, limit) => database.change(() => limitPartner(partner, limit)),
    setDailyQuota: (partner, quota) => database.change(() => setDailyQuota(partner, quota)),
    setMaxPriority: (partner, priority) => database.change(() => setMaxPriority(partner, priority)),
    suspendPartner: (partner) => database.change(() => suspendPartner(partner)),
    resumePartner: (partner) => database.change(() => resumePartner(partner)),
    deletePartner: (partner) => database.change(() => deletePartner(partner)),
  };
}

const insertPartner = statement<Partner>(
  'insert_partner',
  `INSERT INTO partner (name, created_at) VALUES ($1, $2)
   ON CONFLICT (name) DO NOTHING RETURNING id, name`,
);

/** Adds a partner and grants it the types. @throws {UserError} if the name belongs to a partner, even a deleted one */
export function* addPartner(name: string, types: readonly string[]): Change<Partner> {
  const partner = yield* firstRow(insertPartner, name, Date.now());
  if (partner === undefined) {
    const existing = yield* firstRow(partnerByName, name);
    const isDeleted = existing !== undefined && existing.deletedAt !== null;
    throw isDeleted ? userErrors.nameOfDeleted(name) : userErrors.partnerExists(name);
  }
  for (const type of types) yield* grantTo(partner.id, type);
  yield* audit({ kind: 'partner', id: name }, undefined, { types });
  return partner;
}

const partnersWithTypes = statement<
  Omit<PartnerRecord, 'types' | 'limit'> & LimitColumns & { member: string | null }
>(
  'partners',
  `SELECT partner.id, partner.name, partner.created_at AS "createdAt", suspended_at AS "suspendedAt", deleted_at AS "deletedAt",
     rate_limit AS "rateLimit", rate_burst AS "rateBurst", daily_quota AS "dailyQuota", max_priority AS "maxPriority",
     coalesce((SELECT accepted FROM partner_usage WHERE partner_id = partner.id AND day = $2), 0) AS "acceptedToday",
     (SELECT count(*) FROM api_key WHERE partner_id = partner.id AND ${isActiveKey('$1')}) AS keys,
     lead_type.name AS member
   FROM partner
   LEFT JOIN granted_type ON granted_type.partner_id = partner.id AND granted_type.revoked_at IS NULL
   LEFT JOIN lead_type ON lead_type.id = granted_type.type_id`,
);

async function* listPartners(database: SqlDatabase): AsyncGenerator<PartnerRecord> {
  const now = Date.now();
  const rows = await database.read(partnersWithTypes, now, startOfDay(now));
  for (const { members, rateLimit, rateBurst, ...partner } of membersByName(rows)) {
    yield { ...partner, types: members, limit: limitOf({ rateLimit, rateBurst }) };
  }
}

/** A partner as a change finds it. */
interface NamedPartner extends LimitColumns {
  id: number;
  suspendedAt: number | null;
  deletedAt: number | null;
  dailyQuota: number | null;
  maxPriority: number;
}

const partnerByName = statement<NamedPartner>(
  'partner_by_name',
  `SELECT id, suspended_at AS "suspendedAt", deleted_at AS "deletedAt", rate_limit AS "rateLimit",
     rate_burst AS "rateBurst", daily_quota AS "dailyQuota", max_priority AS "maxPriority" FROM partner WHERE name = $1`,
);

/** @throws {UserError} if no partner has this name. That of a deleted partner is accepted. */
export async function checkPartner(database: SqlDatabase, name: string): Promise<void> {
  if ((await database.read(partnerByName, name)).length === 0) throw userErrors.noPartner(name);
}

/** Finds a partner that is not deleted. @throws {UserError} if there is none of this name */
export function* namedPartner(name: string): Change<NamedPartner> {
  const partner = yield* firstRow(partnerByName, name);
  if (partner === undefined) throw userErrors.noPartner(name);
  if (partner.deletedAt !== null) throw userErrors.partnerDeleted(name, partner.deletedAt);
  return partner;
}

const insertGrant = statement(
  'insert_grant',
  `INSERT INTO granted_type (partner_id, type_id) VALUES ($1, $2)
   ON CONFLICT (partner_id, type_id) DO UPDATE SET revoked_at = NULL`,
);

/** Grants a type, and returns its current name. */
function* grantTo(partnerId: number, typeName: string): Change<string> {
  const type = yield* namedType(typeName);
  if (type.retiredAt !== null) throw userErrors.typeRetired(type.name);
  yield* run(insertGrant, partnerId, type.id);
  return type.name;
}

function* grantType(partner: string, type: string): Change<void> {
  const granted = yield* grantTo((yield* namedPartner(partner)).id, type);
  yield* audit({ kind: 'partner', id: partner }, undefined, { granted });
}

const revokeGrant = statement<{ revokedAt: number }>(
  'revoke_grant',
  `UPDATE granted_type SET revoked_at = coalesce(revoked_at, $1) WHERE partner_id = $2 AND type_id = $3
   RETURNING revoked_at AS "revokedAt"`,
);

function* revokeType(partnerName: string, typeName: string): Change<void> {
  const partner = yield* namedPartner(partnerName);
  const type = yield* namedType(typeName);
  const revoked = yield* firstRow(revokeGrant, Date.now(), partner.id, type.id);
  if (revoked === undefined) throw userErrors.notGranted(partnerName, type.name);
  yield* audit({ kind: 'partner', id: partnerName }, { granted: type.name });
}

const updateLimit = statement(
  'update_limit',
  'UPDATE partner SET rate_limit = $1, rate_burst = $2 WHERE id = $3',
);

function* limitPartner(name: string, limit: PartnerLimit): Change<void> {
  const { rateLimit, rateBurst } = columnsOf(limit);
  const partner = yield* namedPartner(name);
  yield* run(updateLimit, rateLimit, rateBurst, partner.id);
  const before = { per_second: partner.rateLimit, burst: partner.rateBurst };
  yield* audit({ kind: 'partner', id: name }, before, { per_second: rateLimit, burst: rateBurst });
}

const updateQuota = statement('update_daily_quota', 'UPDATE partner SET daily_quota = $1 WHERE id = $2');

function* setDailyQuota(name: string, quota: number | null): Change<void> {
  const { id, dailyQuota } = yield* namedPartner(name);
  yield* run(updateQuota, quota, id);
  yield* audit({ kind: 'partner', id: name }, { daily_quota: dailyQuota }, { daily_quota: quota });
}

const updatePriority = statement('update_max_priority', 'UPDATE partner SET max_priority = $1 WHERE id = $2');

function* setMaxPriority(name: string, priority: number): Change<void> {
  const { id, maxPriority } = yield* namedPartner(name);
  yield* run(updatePriority, priority, id);
  yield* audit({ kind: 'partner', id: name }, { max_priority: maxPriority }, { max_priority: priority });
}

const updateSuspendedAt = statement('suspend_partner', 'UPDATE partner SET suspended_at = $1 WHERE id = $2');

function* suspendPartner(name: string): Change<void> {
  const { id, suspendedAt } = yield* namedPartner(name);
  if (suspendedAt === null) yield* run(updateSuspendedAt, Date.now(), id);
  yield* audit({ kind: 'partner', id: name }, { suspended: suspendedAt !== null }, { suspended: true });
}

function* resumePartner(name: string): Change<void> {
  const { id, suspendedAt } = yield* namedPartner(name);
  if (suspendedAt === null) throw userErrors.partnerNotSuspended(name);
  yield* run(updateSuspendedAt, null, id);
  yield* audit({ kind: 'partner', id: name }, { suspended: true }, { suspended: false });
}

const updateDeletedAt = statement('delete_partner', 'UPDATE partner SET deleted_at = $1 WHERE id = $2');

const revokeGrantsOf = statement(
  'revoke_grants',
  'UPDATE granted_type SET revoked_at = $1 WHERE partner_id = $2 AND revoked_at IS NULL',
);

const revokeKeysOf = statement(
  'revoke_keys',
  'UPDATE api_key SET revoked_at = $1 WHERE partner_id = $2 AND revoked_at IS NULL',
);

function* deletePartner(name: string): Change<void> {
  const partner = yield* firstRow(partnerByName, name);
  if (partner === undefined) throw userErrors.noPartner(name);
  if (partner.deletedAt !== null) return;
  const now = Date.now();
  for (const update of [updateDeletedAt, revokeGrantsOf, revokeKeysOf]) yield* run(update, now, partner.id);
  yield* deleteWebhookOf(partner.id);
  yield* audit({ kind: 'partner', id: name }, { deleted: false }, { deleted: true });
}
