import type { Partner } from '../../partners/partner.ts';
import type { PartnerLimit } from '../../partners/rate-limit.ts';
import type { KeyRecord, LeadTypeRecord, NextKey, PartnerRecord, Registry, RotatedKey } from '../store.ts';
import { userErrors } from '../user-errors.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { isActiveKey } from './key-holder.ts';
import { columnsOf, type LimitColumns, limitOf } from './limit-columns.ts';
import { statement } from './statement.ts';

/** Manages partners, their keys and their lead types in a database. */
export function registry(database: SqlDatabase): Registry {
  return {
    addType: (name, recontactAfter) => database.change(() => addType(name, recontactAfter)),
    types: () => types(database),
    addPartner: (name, typeNames) => database.change(() => addPartner(name, typeNames)),
    partners: () => partners(database),
    grantType: (partner, type) => database.change(() => grantType(partner, type)),
    limitPartner: (partner, limit) => database.change(() => limitPartner(partner, limit)),
    addKey: (partner, id, digest) => database.change(() => addKey(partner, id, digest)),
    keys: (partner) => keys(database, partner),
    activeKeyDigests: () => activeKeyDigests(database),
    rotateKey: (id, next) => database.change(() => rotateKey(id, next)),
    revokeKey: (id) => database.change(() => revokeKey(id)),
    recordKeyLastUsed: (uses) => database.change(() => recordKeyLastUsed(uses)),
    async addFirstPartner(partner, type, keyId, digest) {
      // Read first: a server must be able to start while another process holds the write lock.
      if ((await database.read(anyEntry)).length > 0) return false;
      return database.change(() => addFirstPartner(partner, type, keyId, digest));
    },
  };
}

const insertType = statement<{ id: number }>(
  'insert_type',
  `INSERT INTO lead_type (name, recontact_after, created_at) VALUES ($1, $2, $3)
   ON CONFLICT (name) DO NOTHING RETURNING id`,
);

function* addType(name: string, recontactAfter: number | null): Change<void> {
  const type = yield* firstRow(insertType, name, recontactAfter, Date.now());
  if (type === undefined) throw userErrors.typeExists(name);
}

const typesWithPartners = statement<Omit<LeadTypeRecord, 'partners'> & { member: string | null }>(
  'types',
  `SELECT lead_type.name, recontact_after AS "recontactAfter", lead_type.created_at AS "createdAt",
     partner.name AS member
   FROM lead_type
   LEFT JOIN granted_type ON granted_type.type_id = lead_type.id
   LEFT JOIN partner ON partner.id = granted_type.partner_id`,
);

async function* types(database: SqlDatabase): AsyncGenerator<LeadTypeRecord> {
  for (const { members, ...type } of byName(await database.read(typesWithPartners))) {
    yield { ...type, partners: members };
  }
}

const insertPartner = statement<Partner>(
  'insert_partner',
  `INSERT INTO partner (name, created_at) VALUES ($1, $2)
   ON CONFLICT (name) DO NOTHING RETURNING id, name`,
);

function* addPartner(name: string, typeNames: readonly string[]): Change<Partner> {
  const partner = yield* firstRow(insertPartner, name, Date.now());
  if (partner === undefined) throw userErrors.partnerExists(name);
  for (const type of typeNames) yield* run(insertGrant, partner.id, yield* typeId(type));
  return partner;
}

const partnersWithTypes = statement<
  Omit<PartnerRecord, 'types' | 'limit'> & LimitColumns & { member: string | null }
>(
  'partners',
  `SELECT partner.name, partner.created_at AS "createdAt", rate_limit AS "rateLimit", rate_burst AS "rateBurst",
     (SELECT count(*) FROM api_key WHERE partner_id = partner.id AND ${isActiveKey('$1')}) AS keys,
     lead_type.name AS member
   FROM partner
   LEFT JOIN granted_type ON granted_type.partner_id = partner.id
   LEFT JOIN lead_type ON lead_type.id = granted_type.type_id`,
);

async function* partners(database: SqlDatabase): AsyncGenerator<PartnerRecord> {
  const rows = await database.read(partnersWithTypes, Date.now());
  for (const { members, rateLimit, rateBurst, ...partner } of byName(rows)) {
    yield { ...partner, types: members, limit: limitOf({ rateLimit, rateBurst }) };
  }
}

const insertGrant = statement(
  'insert_grant',
  'INSERT INTO granted_type (partner_id, type_id) VALUES ($1, $2) ON CONFLICT (partner_id, type_id) DO NOTHING',
);

function* grantType(partner: string, type: string): Change<void> {
  yield* run(insertGrant, yield* partnerId(partner), yield* typeId(type));
}

const updateLimit = statement<{ id: number }>(
  'update_limit',
  'UPDATE partner SET rate_limit = $1, rate_burst = $2 WHERE name = $3 RETURNING id',
);

function* limitPartner(name: string, limit: PartnerLimit): Change<void> {
  const { rateLimit, rateBurst } = columnsOf(limit);
  const partner = yield* firstRow(updateLimit, rateLimit, rateBurst, name);
  if (partner === undefined) throw userErrors.noPartner(name);
}

const insertKey = statement(
  'insert_key',
  'INSERT INTO api_key (id, partner_id, digest, created_at) VALUES ($1, $2, $3, $4)',
);

function* addKey(partner: string, id: string, digest: string): Change<void> {
  yield* run(insertKey, id, yield* partnerId(partner), digest, Date.now());
}

const keysOfPartner = statement<KeyRecord>(
  'keys',
  `SELECT api_key.id, partner.name AS partner, api_key.created_at AS "createdAt", expires_at AS "expiresAt",
     revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"
   FROM api_key JOIN partner ON partner.id = api_key.partner_id
   WHERE CAST($1 AS text) IS NULL OR partner.name = $1 ORDER BY api_key.id`,
);

async function* keys(database: SqlDatabase, partner: string | undefined): AsyncGenerator<KeyRecord> {
  if (partner !== undefined) await checkPartner(database, partner);
  yield* await database.read(keysOfPartner, partner ?? null);
}

const activeKeys = statement<{ digest: string }>(
  'active_keys',
  `SELECT digest FROM api_key WHERE ${isActiveKey('$1')}`,
);

async function activeKeyDigests(database: SqlDatabase): Promise<string[]> {
  return (await database.read(activeKeys, Date.now())).map(({ digest }) => digest);
}

const keyToRotate = statement<{ partnerId: number; partner: string; isActive: boolean }>(
  'key_to_rotate',
  `SELECT partner.id AS "partnerId", partner.name AS partner, ${isActiveKey('$1')} AS "isActive"
   FROM api_key JOIN partner ON partner.id = api_key.partner_id WHERE api_key.id = $2`,
  { isActive: true },
);

/** Never extends a key's life: it may have been rotated before, to expire earlier. */
const expireKey = statement<{ oldUntil: number }>(
  'expire_key',
  `UPDATE api_key SET expires_at = CASE WHEN expires_at < $1 THEN expires_at ELSE $1 END WHERE id = $2
   RETURNING expires_at AS "oldUntil"`,
);

function* rotateKey(id: string, next: NextKey): Change<RotatedKey> {
  const now = Date.now();
  const key = yield* firstRow(keyToRotate, now, id);
  if (key === undefined) throw userErrors.noKey(id);
  if (!key.isActive) throw userErrors.inactiveKey(id);
  yield* run(insertKey, next.id, key.partnerId, next.digest, now);
  const { oldUntil = next.oldUntil } = (yield* firstRow(expireKey, next.oldUntil, id)) ?? {};
  return { partner: key.partner, oldUntil };
}

const updateRevokedAt = statement<{ id: string }>(
  'revoke_key',
  'UPDATE api_key SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING id',
);

function* revokeKey(id: string): Change<void> {
  const key = yield* firstRow(updateRevokedAt, Date.now(), id);
  if (key === undefined) throw userErrors.noKey(id);
}

/** Locks the keys in the order of their ids, so that two servers that record the same keys cannot deadlock. */
const updateLastUsed = statement(
  'record_key_last_used',
  ({ lock }) => `
    WITH used AS (
      SELECT api_key.id, CAST(CAST(sent.value AS text) AS bigint) AS used_at
      FROM json_each($1) AS sent JOIN api_key ON api_key.id = sent.key
      ORDER BY api_key.id ${lock('api_key')}
    )
    UPDATE api_key SET last_used_at = used.used_at FROM used
    WHERE api_key.id = used.id AND (last_used_at IS NULL OR last_used_at < used.used_at)`,
);

function* recordKeyLastUsed(uses: ReadonlyMap<string, number>): Change<void> {
  yield* run(updateLastUsed, JSON.stringify(Object.fromEntries(uses)));
}

const anyEntry = statement('any_entry', 'SELECT 1 FROM partner UNION ALL SELECT 1 FROM lead_type LIMIT 1');

function* addFirstPartner(partner: string, type: string, keyId: string, digest: string): Change<boolean> {
  if ((yield* firstRow(anyEntry)) !== undefined) return false;
  // No row: another server is starting on the same store, and has added the type meanwhile.
  if ((yield* firstRow(insertType, type, null, Date.now())) === undefined) return false;
  yield* addPartner(partner, [type]);
  yield* addKey(partner, keyId, digest);
  return true;
}

const typeByName = statement<{ id: number }>('type_by_name', 'SELECT id FROM lead_type WHERE name = $1');

/** Returns a lead type's id. @throws {UserError} if there is no such type */
export function* typeId(name: string): Change<number> {
  const type = yield* firstRow(typeByName, name);
  if (type === undefined) throw userErrors.noType(name);
  return type.id;
}

/** @throws {UserError} if there is no lead type of this name */
export async function checkType(database: SqlDatabase, name: string): Promise<void> {
  if ((await database.read(typeByName, name)).length === 0) throw userErrors.noType(name);
}

/** @throws {UserError} if there is no partner of this name */
export async function checkPartner(database: SqlDatabase, name: string): Promise<void> {
  if ((await database.read(partnerByName, name)).length === 0) throw userErrors.noPartner(name);
}

const partnerByName = statement<{ id: number }>('partner_by_name', 'SELECT id FROM partner WHERE name = $1');

function* partnerId(name: string): Change<number> {
  const partner = yield* firstRow(partnerByName, name);
  if (partner === undefined) throw userErrors.noPartner(name);
  return partner.id;
}

/**
 * Merges rows of the same name, each with one member, into one with all members. Sorts both here: the collation of a
 * PostgreSQL database may order names differently.
 */
function byName<Row extends { name: string; member: string | null }>(
  rows: readonly Row[],
): (Omit<Row, 'member'> & { members: string[] })[] {
  const groups = Map.groupBy(rows, ({ name }) => name);
  return [...groups.keys()].toSorted().flatMap((name) => {
    const group = groups.get(name) ?? [];
    const members = group.flatMap(({ member }) => member ?? []).toSorted();
    return group.slice(0, 1).map(({ member: _, ...row }) => ({ ...row, members }));
  });
}
