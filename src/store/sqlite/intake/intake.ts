import type { DatabaseSync } from 'node:sqlite';
import type { Intake } from '../../intake.ts';
import type { WithdrawalEvents } from '../../sql/withdrawals/events.ts';
import type { CommitQueue } from '../durability/commit-queue.ts';
import { sqliteCancel } from './cancel.ts';
import type { Decide } from './decide.ts';
import type { FindGrantedType } from './granted-types.ts';
import { sqliteIdempotencyRecords } from './idempotency-records.ts';
import { keyHolderLookup } from './key-holders.ts';
import { sqliteLeadStatus } from './lead-status.ts';
import { sqliteSubmit } from './submit.ts';

/** Returns the store's intake. */
export function sqliteIntake(
  database: DatabaseSync,
  queue: CommitQueue,
  grantedType: FindGrantedType,
  decide: Decide,
  withdrawalEvents: WithdrawalEvents,
): Intake {
  const records = sqliteIdempotencyRecords(database);
  return {
    keyHolder: keyHolderLookup(database, queue),
    ...sqliteSubmit(database, queue, decide, records),
    cancel: sqliteCancel(database, queue, { grantedType, records, withdrawalEvents }),
    leadStatus: sqliteLeadStatus(database, queue, grantedType),

    isGranted: (partnerId, type) => queue.read(() => grantedType(type, partnerId)?.acceptsLeads === 1),
  };
}
