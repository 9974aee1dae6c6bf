import type { Intake } from '../../intake.ts';
import type { PersonDigests } from '../../keys/person-digests.ts';
import type { StoreObserver } from '../../observer.ts';
import { acceptsLeads, typeIdOf } from '../../sql/type-name.ts';
import type { WithdrawalEvents } from '../../sql/withdrawals/events.ts';
import { Batcher, type BatchLimits } from '../batcher.ts';
import type { PostgresDatabase, Statement } from '../connection/database.ts';
import type { LeadNotifications } from '../notifications.ts';
import { storableText } from '../storable-text.ts';
import { canceller, sentCancellationOf } from './cancel.ts';
import { sentSubmissionOf } from './decide.ts';
import { keyHolderLookup } from './key-holders.ts';
import { leadStatusLookup } from './lead-status.ts';
import { submitter } from './submit.ts';
import { bulkSubmitter } from './submit-all.ts';

const grantedType: Statement = {
  name: 'granted_type',
  text: `
    SELECT 1 FROM lead_type JOIN granted_type ON granted_type.type_id = lead_type.id
    WHERE lead_type.id = ${typeIdOf('$1')} AND granted_type.partner_id = $2 AND ${acceptsLeads}`,
};

/** Where leads to deliver and to withdraw are announced. */
export interface IntakeEvents {
  notifications: LeadNotifications;
  withdrawalEvents: WithdrawalEvents;
}

/**
 * Returns the store's intake, whose calls are batched: `waiting` is the number of waiting calls, and `idle` resolves
 * once there is none.
 */
export function postgresIntake(
  database: PostgresDatabase,
  digests: PersonDigests,
  { notifications, withdrawalEvents }: IntakeEvents,
  limits: BatchLimits,
  observer: StoreObserver,
): { calls: Intake; waiting(): number; idle(): Promise<void> } {
  const submissions = new Batcher('submit', submitter(database, digests, notifications), limits, observer);
  const bulk = new Batcher(
    'submit-all',
    bulkSubmitter(database, digests, notifications),
    // Each request has its own transaction.
    { ...limits, maxBatchSize: 1 },
    observer,
  );
  const cancellations = new Batcher('cancel', canceller(database, withdrawalEvents), limits, observer);
  const keys = new Batcher('key', keyHolderLookup(database), limits, observer);
  const statuses = new Batcher('status', leadStatusLookup(database), limits, observer);

  const batchers = [submissions, bulk, cancellations, keys, statuses];

  const digestsFor = (mobile: string) => (digests.areUsed ? digests.of(mobile) : null);
  const calls: Intake = {
    keyHolder: (digest) => keys.call(digest),
    submit: (submission, idempotency) =>
      submissions.call(sentSubmissionOf(submission, () => digestsFor(submission.mobile), idempotency)),
    async submitAll(submissions, partnerId, idempotency) {
      if (submissions.length === 0 && idempotency === undefined) return { outcome: 'saved', results: [] };
      const sent = submissions.map((each) => sentSubmissionOf(each, () => digestsFor(each.mobile)));
      return bulk.call({ sent, partnerId, idempotency });
    },
    cancel: (cancellation, idempotency) => cancellations.call(sentCancellationOf(cancellation, idempotency)),
    leadStatus: (request) => statuses.call(request),

    async isGranted(partnerId, type) {
      return (await database.read(grantedType, [storableText(type), partnerId])).length > 0;
    },
  };

  return {
    calls,
    waiting: () => batchers.reduce((sum, { waiting }) => sum + waiting, 0),
    async idle() {
      await Promise.all(batchers.map((batcher) => batcher.idle()));
    },
  };
}
