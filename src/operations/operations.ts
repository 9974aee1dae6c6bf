import type { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import type { PhoneParsers } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import { addLead } from './add-lead.ts';
import { type CancellingStore, cancelLead } from './cancel-lead.ts';
import { idempotent } from './idempotent.ts';
import { leadStatus } from './lead-status.ts';
import type { Operations } from './operation.ts';

/**
 * Creates the operations of the contract. Only `addLead` requires a number that the deployment calls, so that leads can
 * still be cancelled after the policy has changed.
 */
export function createOperations(
  store: Intake & CancellingStore,
  { parse, parseCallable }: PhoneParsers,
  callingRules: CallingRules,
): Operations {
  return {
    addLead: idempotent(addLead(store, parseCallable, callingRules)),
    cancelLead: idempotent(cancelLead(store, parse)),
    leadStatus: leadStatus(store, parse),
  };
}
