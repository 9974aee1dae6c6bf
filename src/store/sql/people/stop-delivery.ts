import type { DeliveryState, PersonKey } from '../../people.ts';
import { audit, auditedByCommand } from '../audit.ts';
import { type Change, run, type SqlDatabase } from '../database.ts';
import { endedOrder } from '../lead-order.ts';
import { statement } from '../statement.ts';
import { withdrawLeads } from '../withdrawals/begin.ts';
import { keyValues, leadsOfPerson, type PersonLead } from './person.ts';

const cancelWaiting = statement<{ id: string }>(
  'cancel_waiting',
  ({ inList }) => `
    UPDATE lead SET state = 'cancelled', cancelled_at = $2,
      ended_order = ${endedOrder}
    WHERE id ${inList('$1')} AND claim IS NULL AND state IN ('scheduled', 'held') RETURNING id`,
);

interface UnfinishedWithdrawal {
  id: string;
  isRepeat: boolean;
}

const unfinishedWithdrawals = statement<UnfinishedWithdrawal>(
  'unfinished_withdrawals_of',
  ({ inList }) => `
    SELECT lead_id AS id, outcome IS NOT NULL AS "isRepeat" FROM withdrawal
    WHERE lead_id ${inList('$1')} AND (outcome IS NULL OR repeat_at IS NOT NULL) ORDER BY lead_id`,
  { isRepeat: true },
);

/** Ends or withdraws a person's leads (see `People.stopDelivery`). */
export function* stopDelivery(person: PersonKey, isWithdrawing: boolean): Change<DeliveryState> {
  const leads = yield* run(leadsOfPerson, ...keyValues(person));
  const ids = leads.map(({ id }) => id);
  const atDialler = leads.filter(
    ({ typeWithdraws, isClaimed, mayBeAtDialler }) => typeWithdraws && (isClaimed || mayBeAtDialler),
  );
  if (isWithdrawing)
    yield* withdrawLeads(
      atDialler.map(({ id }) => id),
      'erasure',
    );
  const cancelled = yield* run(cancelWaiting, ids, Date.now());
  for (const { id } of cancelled) yield* audit({ kind: 'lead', id }, undefined, { action: 'cancelled' });
  yield* auditedByCommand();
  return stateOf(leads, yield* run(unfinishedWithdrawals, ids));
}

function stateOf(leads: readonly PersonLead[], withdrawals: readonly UnfinishedWithdrawal[]): DeliveryState {
  return {
    inFlight: leads.filter(({ isClaimed }) => isClaimed).map(({ id }) => id),
    withdrawing: withdrawals.filter(({ isRepeat }) => !isRepeat).map(({ id }) => id),
    repeating: withdrawals.filter(({ isRepeat }) => isRepeat).map(({ id }) => id),
  };
}

/** Reads what an erasure waits for (see `People.deliveryState`). */
export async function deliveryState(database: SqlDatabase, person: PersonKey): Promise<DeliveryState> {
  const leads = await database.read(leadsOfPerson, ...keyValues(person));
  const ids = leads.map(({ id }) => id);
  return stateOf(leads, await database.read(unfinishedWithdrawals, ids));
}
