import type { Partner } from '../../partners/partner.ts';
import { mistakes } from '../mistakes.ts';
import type { KeyRecord, LeadTypeRecord, PartnerRecord, Registry } from '../store.ts';
import type { PostgresDatabase, Run, Statement } from './database.ts';

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
    SELECT name, created_at AS "createdAt",
      ARRAY(SELECT lead_type.name FROM granted_type JOIN lead_type ON lead_type.id = granted_type.type_id
            WHERE granted_type.partner_id = partner.id ORDER BY lead_type.name COLLATE "C") AS types,
      (SELECT count(*) FROM api_key WHERE partner_id = partner.id AND revoked_at IS NULL) AS keys
    FROM partner ORDER BY name COLLATE "C"`,
};

const keys: Statement = {
  name: 'keys',
  text: `
    SELECT api_key.id, partner.name AS partner, api_key.created_at AS "createdAt", revoked_at AS "revokedAt"
    FROM api_key JOIN partner ON partner.id = api_key.partner_id
    WHERE $1::integer IS NULL OR partner.id = $1 ORDER BY api_key.id`,
};

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
        if (rows.length === 0) throw mistakes.typeExists(name);
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
        if (partner === undefined) throw mistakes.partnerExists(name);
        for (const type of typeNames) await grant(run, partner.id, type);
        return partner;
      });
    },

    async *partners() {
      yield* await database.read<PartnerRecord>(partners);
    },

    async grantType(partner, type) {
      await database.transaction(async (run) => grant(run, await partnerId(run, partner), type));
    },

    async addKey(partner, id, digest) {
      await database.transaction(async (run) => {
        await run('INSERT INTO api_key (id, partner_id, digest, created_at) VALUES ($1, $2, $3, $4)', [
          id,
          await partnerId(run, partner),
          digest,
          Date.now(),
        ]);
      });
    },

    async *keys(partner) {
      const id = partner === undefined ? null : await database.transaction((run) => partnerId(run, partner));
      yield* await database.read<KeyRecord>(keys, [id]);
    },

    async revokeKey(id) {
      await database.transaction(async (run) => {
        const rows = await run(
          'UPDATE api_key SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2 RETURNING id',
          [Date.now(), id],
        );
        if (rows.length === 0) throw mistakes.noKey(id);
      });
    },

    async isEmpty() {
      return (await database.read(anything)).length === 0;
    },
  };
}

async function partnerId(run: Run, name: string): Promise<number> {
  const [partner] = await run<{ id: number }>('SELECT id FROM partner WHERE name = $1', [name]);
  if (partner === undefined) throw mistakes.noPartner(name);
  return partner.id;
}

async function grant(run: Run, partner: number, type: string): Promise<void> {
  const [found] = await run<{ id: number }>('SELECT id FROM lead_type WHERE name = $1', [type]);
  if (found === undefined) throw mistakes.noType(type);
  await run(
    'INSERT INTO granted_type (partner_id, type_id) VALUES ($1, $2) ON CONFLICT (partner_id, type_id) DO NOTHING',
    [partner, found.id],
  );
}
