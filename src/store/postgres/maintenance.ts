import { UserError } from '../../errors/user-error.ts';
import type { Maintenance } from '../maintenance.ts';

/** Maintenance that PostgreSQL does automatically, or with its own tools. */
export const postgresMaintenance: Omit<
  Maintenance,
  'prune' | 'pruneContacts' | 'countPrunable' | 'deleteIdempotencyRecords'
> = {
  // Autovacuum does both (docs/operating/data-retention.md).
  shrink: async () => false,
  erase: async () => undefined,

  // A recorded backup is one of the SQLite store from which the rows were copied.
  lastBackupAt: async () => undefined,

  async compact() {
    throw new UserError(
      'The store is in PostgreSQL. Compact it with PostgreSQL’s tools, such as VACUUM FULL.',
    );
  },

  async backup() {
    throw new UserError(
      'The store is in PostgreSQL. Back it up with PostgreSQL’s tools, such as pg_dump (docs/operating/backup-and-restore.md).',
    );
  },
};
