import type { DatabaseSync } from 'node:sqlite';
import { columnsOf, type LimitColumns, limitOf } from '../limit-columns.ts';
import type { KeyRecord, LeadTypeRecord, PartnerRecord, Registry } from '../store.ts';
import { userErrors } from '../user-errors.ts';
import type { CommitQueue } from './durability/commit-queue.ts';
import { Query } from './query.ts';

export function sqliteRegistry(database: DatabaseSync, queue: CommitQueue): Registry {
  const insertType = new Query(
    database,
    'INSERT INTO lead_type (name, recontact_after, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
  );
  const insertPartner = new Query<{ id: number; name: string }>(
    database,
    `INSERT INTO partner (name, created_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING RETURNING id, name`,
  );
  const insertGrant = new Query(
    database,
    'INSERT INTO granted_type (partner_id, type_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const insertKey = new Query(
    database,
    'INSERT INTO api_key (id, partner_id, digest, created_at) VALUES (?, ?, ?, ?)',
  );
  const goodKey = new Query<{ partnerId: number; partner: string; isGood: number }>(
    database,
    `SELECT partner.id AS partnerId, partner.name AS partner,
       revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) AS isGood
     FROM api_key JOIN partner ON partner.id = api_key.partner_id WHERE api_key.id = ?`,
  );
  const expireKey = new Query(database, 'UPDATE api_key SET expires_at = ? WHERE id = ?');
  const useKey = new Query(
    database,
    'UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?',
  );
  const limitPartner = new Query(
    database,
    'UPDATE partner SET rate_limit = ?, rate_burst = ? WHERE name = ?',
  );
  const revokeKey = new Query(
    database,
    'UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?',
  );
  const activeKeys = new Query<{ digest: string }>(
    database,
    'SELECT digest FROM api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)',
  );
  const typeByName = new Query<{ id: number }>(database, 'SELECT id FROM lead_type WHERE name = ?');
  const partnerByName = new Query<{ id: number }>(database, 'SELECT id FROM partner WHERE name = ?');
  const anything = new Query(database, 'SELECT 1 FROM partner UNION ALL SELECT 1 FROM lead_type LIMIT 1');
  const types = new Query<Omit<LeadTypeRecord, 'partners'> & { partners: string }>(
    database,
    `SELECT name, recontact_after AS recontactAfter, created_at AS createdAt,
       (SELECT json_group_array(partner.name ORDER BY partner.name)
        FROM granted_type JOIN partner ON partner.id = granted_type.partner_id
        WHERE granted_type.type_id = lead_type.id) AS partners
     FROM lead_type ORDER BY name`,
  );
  const partners = new Query<Omit<PartnerRecord, 'types' | 'limit'> & { types: string } & LimitColumns>(
    database,
    `SELECT name, created_at AS createdAt, rate_limit AS rateLimit, rate_burst AS rateBurst,
       (SELECT json_group_array(lead_type.name ORDER BY lead_type.name)
        FROM granted_type JOIN lead_type ON lead_type.id = granted_type.type_id
        WHERE granted_type.partner_id = partner.id) AS types,
       (SELECT count(*) FROM api_key WHERE partner_id = partner.id AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > ?)) AS keys
     FROM partner ORDER BY name`,
  );
  const keys = new Query<KeyRecord>(
    database,
    `SELECT api_key.id, partner.name AS partner, api_key.created_at AS createdAt, expires_at AS expiresAt,
       revoked_at AS revokedAt, last_used_at AS lastUsedAt
     FROM api_key JOIN partner ON partner.id = api_key.partner_id
     WHERE ?1 IS NULL OR partner.id = ?1 ORDER BY api_key.id`,
  );

  function typeId(name: string): number {
    const type = typeByName.first(name);
    if (type !== undefined) return type.id;
    throw userErrors.noType(name);
  }

  function partnerId(name: string): number {
    const partner = partnerByName.first(name);
    if (partner !== undefined) return partner.id;
    throw userErrors.noPartner(name);
  }

  return {
    addType(name, recontactAfter) {
      return queue.write(() => {
        if (insertType.run(name, recontactAfter, Date.now()) === 1) return;
        throw userErrors.typeExists(name);
      });
    },

    async *types() {
      for (const row of types.all()) yield { ...row, partners: JSON.parse(row.partners) };
    },

    addPartner(name, typeNames) {
      return queue.write(() => {
        const partner = insertPartner.first(name, Date.now());
        if (partner === undefined) throw userErrors.partnerExists(name);
        for (const type of typeNames) insertGrant.run(partner.id, typeId(type));
        return partner;
      });
    },

    async *partners() {
      for (const { rateLimit, rateBurst, ...row } of partners.all(Date.now())) {
        yield { ...row, types: JSON.parse(row.types), limit: limitOf({ rateLimit, rateBurst }) };
      }
    },

    grantType(partner, type) {
      return queue.write(() => void insertGrant.run(partnerId(partner), typeId(type)));
    },

    addKey(partner, id, digest) {
      return queue.write(() => void insertKey.run(id, partnerId(partner), digest, Date.now()));
    },

    async *keys(partner) {
      yield* keys.all(partner === undefined ? null : partnerId(partner));
    },

    async activeKeyDigests() {
      return activeKeys.all(Date.now()).map(({ digest }) => digest);
    },

    revokeKey(id) {
      return queue.write(() => {
        if (revokeKey.run(Date.now(), id) === 1) return;
        throw userErrors.noKey(id);
      });
    },

    rotateKey(id, next) {
      return queue.write(() => {
        const now = Date.now();
        const key = goodKey.first(now, id);
        if (key === undefined) throw userErrors.noKey(id);
        if (!key.isGood) throw userErrors.revokedKey(id);
        insertKey.run(next.id, key.partnerId, next.digest, now);
        expireKey.run(next.oldUntil, id);
        return key.partner;
      });
    },

    limitPartner(partner, limit) {
      return queue.write(() => {
        const { rateLimit, rateBurst } = columnsOf(limit);
        if (limitPartner.run(rateLimit, rateBurst, partner) === 0) throw userErrors.noPartner(partner);
      });
    },

    recordKeyLastUsed(uses) {
      return queue.write(() => {
        for (const [id, usedAt] of uses) useKey.run(usedAt, id);
      });
    },

    async isEmpty() {
      return anything.first() === undefined;
    },
  };
}
