import type { Withdrawals } from '../../withdrawals.ts';
import { run, type SqlDatabase } from '../database.ts';
import { claimWithdrawals, hastenWithdrawals, nextWithdrawal, releaseWithdrawals } from './claim.ts';
import type { WithdrawalEvents } from './events.ts';
import { listWithdrawals, withdrawalCounts, withdrawalOfLead } from './list.ts';
import { recordWithdrawal } from './record.ts';
import { endedWithdrawals, settleCancellation } from './settle.ts';

/** Manages the withdrawals in a database. */
export function withdrawals(database: SqlDatabase, events: WithdrawalEvents): Withdrawals {
  const ending = async <Result>(change: Promise<Result>) => {
    const result = await change;
    events.emit();
    return result;
  };
  return {
    claimWithdrawals: async (terms) => {
      const { claimed, ended } = await database.change(() => claimWithdrawals(terms));
      if (ended > 0) events.emit();
      return claimed;
    },
    nextWithdrawalAt: async () => (await database.read(nextWithdrawal, Date.now()))[0]?.at ?? undefined,
    recordWithdrawal: (claim, attempt, nextAttemptAt) =>
      ending(database.change(() => recordWithdrawal(claim, attempt, nextAttemptAt))),
    releaseWithdrawals: async (claim, leadIds, notBefore) => {
      await database.change(() => {
        const now = Date.now();
        return run(releaseWithdrawals, claim, leadIds, notBefore - now, now);
      });
    },
    hastenWithdrawals: async () => {
      const hastened = await database.change(hastenWithdrawals);
      if (hastened > 0) events.emit();
      return hastened;
    },
    onWithdrawal: (listener) => events.subscribe(listener),
    endedWithdrawals: async (leadIds) => {
      const rows = await database.read(endedWithdrawals, leadIds);
      return new Map(rows.map(({ leadId, outcome }) => [leadId, outcome]));
    },
    settleCancellation: (cancellation, leadId, idempotencyKey) =>
      database.change(() => settleCancellation(cancellation, leadId, idempotencyKey)),
    withdrawalStats: async () => {
      const [stats] = await database.read(withdrawalCounts);
      return { open: stats?.open ?? 0, openSince: stats?.openSince ?? undefined, failed: stats?.failed ?? 0 };
    },
    withdrawalOf: async (leadId) => (await database.read(withdrawalOfLead, leadId))[0],
    withdrawals: (filter, limit) => listWithdrawals(database, filter, limit),
  };
}
