import type { DeliveryPauses } from '../store/delivery-pauses.ts';
import type { Withdrawals } from '../store/withdrawals.ts';
import type { Log } from '../telemetry/log.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import type { Dialler } from './dialler.ts';
import { PauseTracker } from './pause-tracker.ts';
import { SettlingLeads } from './settling-leads.ts';
import { type WithdrawalObserver, Withdrawer } from './withdrawer.ts';

/** Time for which a withdrawal must have been due (ms): a server with a dialler that works claims it within a second. */
const minOverdue = 5 * 60_000;

/** Stands for the operator, who alone can remove leads where `leads due --take` has delivered them to. */
const noDialler: Dialler = {
  name: 'none',
  deliver: async () => ({ outcome: 'unavailable', response: 'no dialler is configured' }),
  cancel: async () => ({
    outcome: 'unavailable',
    response: 'no dialler is configured (DIALLER=none): remove the lead where it was delivered to',
    isOfLead: true,
  }),
};

/** What the withdrawals depend on. */
export interface NoDiallerOptions {
  store: Withdrawals & DeliveryPauses;
  log: Log;
  observer?: WithdrawalObserver;
}

/**
 * Ends the withdrawals that no server with a dialler carries out: they fail at once, so that an operator removes the
 * leads.
 */
export function withdrawWithoutDialler({ store, log, observer }: NoDiallerOptions): Withdrawer {
  const pauses = new PauseTracker(store, log, { onResume: () => {}, onDiallerResume: () => {} });
  const circuit = new CircuitBreaker();
  const state = { circuit, pauses, settling: new SettlingLeads(0), hasUncertainLeases: () => false };
  return new Withdrawer({
    store,
    dialler: noDialler,
    log,
    state,
    concurrency: 4,
    timeout: 10_000,
    retrySchedule: [],
    minOverdue,
    ...(observer && { observer }),
  });
}
