import type { Partner } from '../../partners/partner.ts';
import { columnsOf, type LimitColumns, limitOf } from '../limit-columns.ts';
import type { KeyRecord, LeadTypeRecord, PartnerRecord, Registry } from '../store.ts';
import { userErrors } from '../user-errors.ts';
import type { PostgresDatabase, Run, Statement } from './connection/database.ts';
import { isCurrent, writeStatement } from './connection/schema-version.ts';

const types: Statement = {
  name: 'types',
  text: `
    SELECT name, recontact_after AS "recontactAfter", created_at AS "createdAt",
      ARRAY(SELECT partner.name FROM granted_type JOIN partner ON partner.id = granted_type.partner_id
            WHERE granted_type.type_id = lead_type.id ORDER BY partner.name COLLATE "C") AS partners
    FROM lead_type ORDER BY name COLLATE "C"`,
};

const partners: Statement = {
  name: 'partners',
  text: `
    SELECT name, created_at AS "createdAt", rate_limit AS "rateLimit", rate_burst AS "rateBurst",
      ARRAY(SELECT lead_type.name FROM granted_type JOIN lead_type ON lead_type.id = granted_type.type_id
            WHERE granted_type.partner_id = partner.id ORDER BY lead_type.name COLLATE "C") AS types,
      (SELECT count(*) FROM api_key WHERE partner_id = partner.id AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > $1)) AS keys
    FROM partner ORDER BY name COLLATE "C"`,
};

const keys: Statement = {
  name: 'keys',
  text: `
    SELECT api_key.id, partner.name AS partner, api_key.created_at AS "createdAt",
      expires_at AS "expiresAt", revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"
    FROM api_key JOIN partner ON partner.id = api_key.partner_id
    WHERE $1::integer IS NULL OR partner.id = $1 ORDER BY api_key.id`,
};

const activeKeys: Statement = {
  name: 'active_keys',
  text: 'SELECT digest FROM api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)',
};

const insertKey = 'INSERT INTO api_key (id, partner_id, digest, created_at) VALUES ($1, $2, $3, $4)';

/** In the order of the ids, so that two servers that record the same keys do not wait for each other. */
const useKeys = writeStatement(
  'use_keys',
  `
    WITH used AS (
      SELECT api_key.id, sent.used_at
      FROM unnest($1::text[], $2::bigint[]) AS sent (id, used_at) JOIN api_key ON api_key.id = sent.id
      ORDER BY api_key.id FOR UPDATE OF api_key
    )
    UPDATE api_key SET last_used_at = greatest(api_key.last_used_at, used.used_at)
    FROM used WHERE api_key.id = used.id AND ${isCurrent}`,
);

const anything: Statement = {
  name: 'anything',
  text: 'SELECT 1 FROM partner UNION ALL SELECT 1 FROM lead_type LIMIT 1',
};

export function postgresRegistry(database: PostgresDatabase): Registry {
  return {
    async addType(name, recontactAfter) {
      await database.transaction(async (run) => {
        const rows = await run(
          `INSERT INTO lead_type (name, recontact_after, created_at) VALUES ($1, $2, $3)
           ON CONFLICT (name) DO NOTHING RETURNING id`,
          [name, recontactAfter, Date.now()],
        );
        if (rows.length === 0) throw userErrors.typeExists(name);
      });
    },

    async *types() {
      yield* await database.read<LeadTypeRecord>(types);
    },

    addPartner(name, typeNames) {
      return database.transaction(async (run) => {
        const [partner] = await run<Partner>(
          `INSERT INTO partner (name, created_at) VALUES ($1, $2)
           ON CONFLICT (name) DO NOTHING RETURNING id, name`,
          [name, Date.now()],
        );
        if (partner === undefined) throw userErrors.partnerExists(name);
        for (const type of typeNames) await grant(run, partner.id, type);
        return partner;
      });
    },

    async *partners() {
      type Row = Omit<PartnerRecord, 'limit'> & LimitColumns;
      for (const { rateLimit, rateBurst, ...row } of await database.read<Row>(partners, [Date.now()])) {
        yield { ...row, limit: limitOf({ rateLimit, rateBurst }) };
      }
    },

    async grantType(partner, type) {
      await database.transaction(async (run) => grant(run, await partnerId(run, partner), type));
    },

    async addKey(partner, id, digest) {
      await database.transaction(async (run) => {
        await run(insertKey, [id, await partnerId(run, partner), digest, Date.now()]);
      });
    },

    async *keys(partner) {
      const id = partner === undefined ? null : await database.transaction((run) => partnerId(run, partner));
      yield* await database.read<KeyRecord>(keys, [id]);
    },

    async activeKeyDigests() {
      const rows = await database.read<{ digest: string }>(activeKeys, [Date.now()]);
      return rows.map(({ digest }) => digest);
    },

    async revokeKey(id) {
      await database.transaction(async (run) => {
        const rows = await run(
          'UPDATE api_key SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING id',
          [Date.now(), id],
        );
        if (rows.length === 0) throw userErrors.noKey(id);
      });
    },

    rotateKey(id, next) {
      return database.transaction(async (run) => {
        const now = Date.now();
        const [key] = await run<{ partnerId: number; partner: string; isGood: boolean }>(
          `SELECT partner.id AS "partnerId", partner.name AS partner,
             revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AS "isGood"
           FROM api_key JOIN partner ON partner.id = api_key.partner_id WHERE api_key.id = $2`,
          [now, id],
        );
        if (key === undefined) throw userErrors.noKey(id);
        if (!key.isGood) throw userErrors.revokedKey(id);
        await run(insertKey, [next.id, key.partnerId, next.digest, now]);
        await run('UPDATE api_key SET expires_at = $1 WHERE id = $2', [next.oldUntil, id]);
        return key.partner;
      });
    },

    async limitPartner(partner, limit) {
      await database.transaction(async (run) => {
        const { rateLimit, rateBurst } = columnsOf(limit);
        const rows = await run(
          'UPDATE partner SET rate_limit = $1, rate_burst = $2 WHERE name = $3 RETURNING id',
          [rateLimit, rateBurst, partner],
        );
        if (rows.length === 0) throw userErrors.noPartner(partner);
      });
    },

    async recordKeyLastUsed(uses) {
      await database.write(useKeys, [[...uses.keys()], [...uses.values()]]);
    },

    async isEmpty() {
      return (await database.read(anything)).length === 0;
    },
  };
}

async function partnerId(run: Run, name: string): Promise<number> {
  const [partner] = await run<{ id: number }>('SELECT id FROM partner WHERE name = $1', [name]);
  if (partner === undefined) throw userErrors.noPartner(name);
  return partner.id;
}

async function grant(run: Run, partner: number, type: string): Promise<void> {
  const [found] = await run<{ id: number }>('SELECT id FROM lead_type WHERE name = $1', [type]);
  if (found === undefined) throw userErrors.noType(type);
  await run(
    'INSERT INTO granted_type (partner_id, type_id) VALUES ($1, $2) ON CONFLICT (partner_id, type_id) DO NOTHING',
    [partner, found.id],
  );
}
