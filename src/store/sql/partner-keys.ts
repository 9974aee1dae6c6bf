import { formatTime } from '../../text/time.ts';
import type { NextKey, PartnerKeyRecord, PartnerKeys, RotatedKey } from '../partner-keys.ts';
import { userErrors } from '../user-errors.ts';
import { audit } from './audit.ts';
import { type Change, firstRow, run, type SqlDatabase } from './database.ts';
import { isActiveKey, isActivePartner, keyState } from './key-holder.ts';
import { checkPartner, namedPartner } from './partners.ts';
import { statement } from './statement.ts';

/** Manages the keys of partners in a database. */
export function partnerKeys(database: SqlDatabase): PartnerKeys {
  return {
    addKey: (partner, id, digest, isTest = false) =>
      database.change(() => addKey(partner, id, digest, isTest)),
    keys: (partner) => listKeys(database, partner),
    keyByDigest: (digest) => keyByDigest(database, digest),
    activeKeyDigests: () => activeKeyDigests(database),
    rotateKey: (id, next) => database.change(() => rotateKey(id, next)),
    revokeKey: (id) => database.change(() => revokeKey(id)),
    recordKeyLastUsed: (uses) => database.change(() => recordKeyLastUsed(uses)),
  };
}

const insertKey = statement(
  'insert_key',
  `INSERT INTO api_key (id, partner_id, digest, created_at, is_test)
   VALUES ($1, $2, $3, $4, CAST($5 AS integer) = 1)`,
);

/** Adds a key by its digest. @throws {UserError} if there is no such partner */
export function* addKey(partner: string, id: string, digest: string, isTest: boolean): Change<void> {
  yield* run(insertKey, id, (yield* namedPartner(partner)).id, digest, Date.now(), Number(isTest));
  yield* audit({ kind: 'key', id }, undefined, { partner, ...(isTest && { test: true }) });
}

const selectRecords = `
  SELECT api_key.id, partner.name AS partner, api_key.created_at AS "createdAt", expires_at AS "expiresAt",
     revoked_at AS "revokedAt", last_used_at AS "lastUsedAt", replaced_by AS "replacedBy", is_test AS "isTest",
     CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN suspended_at IS NOT NULL THEN 'suspended' ELSE 'active' END
      AS "partnerState", ${keyState('$1')} AS state
  FROM api_key JOIN partner ON partner.id = api_key.partner_id`;

const keysOfPartner = statement<PartnerKeyRecord>(
  'keys',
  `${selectRecords} WHERE CAST($2 AS text) IS NULL OR partner.name = $2 ORDER BY api_key.id`,
  { isTest: true },
);

async function* listKeys(
  database: SqlDatabase,
  partner: string | undefined,
): AsyncGenerator<PartnerKeyRecord> {
  if (partner !== undefined) await checkPartner(database, partner);
  yield* await database.read(keysOfPartner, Date.now(), partner ?? null);
}

const keyWithDigest = statement<PartnerKeyRecord>('key_by_digest', `${selectRecords} WHERE digest = $2`, {
  isTest: true,
});

async function keyByDigest(database: SqlDatabase, digest: string): Promise<PartnerKeyRecord | undefined> {
  const [key] = await database.read(keyWithDigest, Date.now(), digest);
  return key;
}

const activeKeys = statement<{ digest: string }>(
  'active_keys',
  `SELECT digest FROM api_key JOIN partner ON partner.id = api_key.partner_id
   WHERE ${isActiveKey('$1')} AND ${isActivePartner}`,
);

async function activeKeyDigests(database: SqlDatabase): Promise<string[]> {
  return (await database.read(activeKeys, Date.now())).map(({ digest }) => digest);
}

/** Locks the key, so that two rotations at once cannot both replace it. */
const keyToRotate = statement<{
  partnerId: number;
  partner: string;
  isActive: boolean;
  isTest: boolean;
  expiresAt: number | null;
  replacedBy: string | null;
}>(
  'key_to_rotate',
  ({ lock }) => `
    SELECT partner.id AS "partnerId", partner.name AS partner, ${isActiveKey('$1')} AS "isActive",
      is_test AS "isTest", expires_at AS "expiresAt", replaced_by AS "replacedBy"
    FROM api_key JOIN partner ON partner.id = api_key.partner_id WHERE api_key.id = $2 ${lock('api_key')}`,
  { isActive: true, isTest: true },
);

const replaceKey = statement(
  'replace_key',
  'UPDATE api_key SET expires_at = $1, replaced_by = $2 WHERE id = $3',
);

function* rotateKey(id: string, next: NextKey): Change<RotatedKey> {
  const now = Date.now();
  const key = yield* firstRow(keyToRotate, now, id);
  if (key === undefined) throw userErrors.noKey(id);
  const { partnerId, partner, isTest, expiresAt, replacedBy } = key;
  if (!key.isActive) throw userErrors.inactiveKey(id);
  // Only a rotation lets a key expire.
  if (expiresAt !== null) throw userErrors.replacedKey({ id, partner, expiresAt, replacedBy });
  yield* run(insertKey, next.id, partnerId, next.digest, now, Number(isTest));
  yield* run(replaceKey, next.oldUntil, next.id, id);
  const after = { replaced_by: next.id, expires_at: formatTime(next.oldUntil) };
  yield* audit({ kind: 'key', id }, undefined, after);
  return { partner };
}

const updateRevokedAt = statement<{ id: string }>(
  'revoke_key',
  'UPDATE api_key SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING id',
);

function* revokeKey(id: string): Change<void> {
  const key = yield* firstRow(updateRevokedAt, Date.now(), id);
  if (key === undefined) throw userErrors.noKey(id);
  yield* audit({ kind: 'key', id }, undefined, { revoked: true });
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
