import type { Directory, DirectoryCopies } from '../directory-copy.ts';
import { auditedByCommand } from './audit.ts';
import { type Change, run, type SqlDatabase } from './database.ts';
import { statement } from './statement.ts';

/** Copies the directories of databases. */
export function directoryCopies(database: SqlDatabase): DirectoryCopies {
  return {
    directory: () => readDirectory(database),
    copyDirectory: (directory, recontactAfter) =>
      database.change(() => copyDirectory(directory, recontactAfter)),
  };
}

const allPartners = statement<Directory['partners'][number]>(
  'directory_partners',
  'SELECT id, name, created_at FROM partner ORDER BY id',
);

const allTypes = statement<Directory['types'][number]>(
  'directory_types',
  `SELECT id, name, created_at, retired_at, CAST(withdraws AS integer) AS withdraws FROM lead_type ORDER BY id`,
);

const allAliases = statement<Directory['aliases'][number]>(
  'directory_aliases',
  'SELECT name, type_id, created_at FROM type_alias ORDER BY type_id, name',
);

const allGrants = statement<Directory['grants'][number]>(
  'directory_grants',
  'SELECT partner_id, type_id, revoked_at FROM granted_type ORDER BY partner_id, type_id',
);

async function readDirectory(database: SqlDatabase): Promise<Directory> {
  const partners = await database.read(allPartners);
  const types = await database.read(allTypes);
  const aliases = await database.read(allAliases);
  return { partners, types, aliases, grants: await database.read(allGrants) };
}

/** The names may belong to other ids now, and no two rows can have the same one meanwhile. */
const releasePartnerNames = statement('release_partner_names', `UPDATE partner SET name = '~' || id`);

const copyPartners = statement(
  'copy_partners',
  ({ records }) => `
    INSERT INTO partner (id, name, created_at)
    SELECT id, name, created_at FROM ${records('$1', { id: 'bigint', name: 'text', created_at: 'bigint' })}
    WHERE true ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
);

const releaseTypeNames = statement('release_type_names', `UPDATE lead_type SET name = '~' || id`);

const copyTypes = statement(
  'copy_types',
  ({ records }) => `
    INSERT INTO lead_type (id, name, created_at, retired_at, withdraws, recontact_after, calling_hours)
    SELECT id, name, created_at, retired_at, withdraws = 1, CAST($2 AS bigint), 'always'
    FROM ${records('$1', {
      id: 'bigint',
      name: 'text',
      created_at: 'bigint',
      retired_at: 'bigint',
      withdraws: 'bigint',
    })}
    WHERE true ON CONFLICT (id) DO UPDATE SET name = excluded.name, retired_at = excluded.retired_at,
      withdraws = excluded.withdraws, recontact_after = excluded.recontact_after`,
);

const deleteAliases = statement('delete_aliases', 'DELETE FROM type_alias');

const copyAliases = statement(
  'copy_aliases',
  ({ records }) => `
    INSERT INTO type_alias (name, type_id, created_at)
    SELECT name, type_id, created_at
    FROM ${records('$1', { name: 'text', type_id: 'bigint', created_at: 'bigint' })}`,
);

const copyGrants = statement(
  'copy_grants',
  ({ records }) => `
    INSERT INTO granted_type (partner_id, type_id, revoked_at)
    SELECT partner_id, type_id, revoked_at
    FROM ${records('$1', { partner_id: 'bigint', type_id: 'bigint', revoked_at: 'bigint' })}
    WHERE true ON CONFLICT (partner_id, type_id) DO UPDATE SET revoked_at = excluded.revoked_at`,
);

function* copyDirectory(
  { partners, types, aliases, grants }: Directory,
  recontactAfter: number,
): Change<void> {
  yield* auditedByCommand();
  yield* run(releasePartnerNames);
  yield* run(copyPartners, JSON.stringify(partners));
  yield* run(releaseTypeNames);
  yield* run(copyTypes, JSON.stringify(types), recontactAfter);
  yield* run(deleteAliases);
  yield* run(copyAliases, JSON.stringify(aliases));
  yield* run(copyGrants, JSON.stringify(grants));
}
