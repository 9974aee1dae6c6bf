import type { Attempt, Delivery } from '../../delivery.ts';
import type { StoreObserver } from '../../observer.ts';
import { Batcher, type BatchLimits } from '../batcher.ts';
import type { PostgresDatabase } from '../connection/database.ts';
import type { LeadNotifications } from '../notifications.ts';
import { attemptRecorder } from './attempts.ts';
import { LeadClaims, renewLease } from './claims.ts';
import { listDueLeads, readNextAttemptAt } from './due-leads.ts';

/**
 * Returns the store's delivery. Attempts are recorded in batches: `waiting` is the number of waiting calls, and `idle`
 * resolves once there is none.
 */
export function postgresDelivery(
  database: PostgresDatabase,
  notifications: LeadNotifications,
  limits: BatchLimits,
  observer: StoreObserver,
  recordLate: (attempt: Attempt) => Promise<boolean>,
): {
  calls: Omit<Delivery, 'releaseLeads' | 'postponeLeads' | 'earlierLeads'>;
  waiting(): number;
  idle(): Promise<void>;
} {
  const claims = new LeadClaims(database);
  const attempts = new Batcher('attempt', attemptRecorder(database), limits, observer);

  const calls: Omit<Delivery, 'releaseLeads' | 'postponeLeads' | 'earlierLeads'> = {
    dueLeads: (limit) => listDueLeads(database, limit),
    nextAttemptAt: async () => {
      await claims.releaseLost();
      return readNextAttemptAt(database);
    },
    onChange: (listener) => notifications.subscribe(listener),
    claimDue: (terms) => claims.claimDue(terms),
    renewLease: (claim, leadIds, lease) => renewLease(database, claim, leadIds, lease),
    recordAttempt: async (claim, attempt, nextAttemptAt) => {
      const isRecorded = await attempts.call({ ...attempt, claim, nextAttemptAt });
      return !isRecorded && recordLate(attempt);
    },
  };

  return { calls, waiting: () => attempts.waiting, idle: () => attempts.idle() };
}
