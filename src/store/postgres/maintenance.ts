import { UserError } from '../../errors/user-error.ts';
import type { Maintenance } from '../store.ts';

/** What PostgreSQL does by itself, or with its own tools. */
export const postgresMaintenance: Omit<Maintenance, 'prune' | 'deleteIdempotencyRecords'> = {
  // Autovacuum does both (docs/operating/data-retention.md).
  shrink: async () => false,
  erase: async () => undefined,

  async compact() {
    throw new UserError('A store in PostgreSQL is compacted by PostgreSQL’s own means, such as VACUUM FULL.');
  },

  async backup() {
    throw new UserError(
      'A store in PostgreSQL is backed up by PostgreSQL’s own means, such as pg_dump: docs/operating/backup-and-restore.md says how.',
    );
  },
};
