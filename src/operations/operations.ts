import type { PhoneParsers } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import { addLead } from './add-lead.ts';
import { cancelLead } from './cancel-lead.ts';
import { idempotent } from './idempotent.ts';
import { leadStatus } from './lead-status.ts';
import type { Operations } from './operation.ts';

/**
 * Every operation of the contract, over one store. Only new leads are held to the numbers that the deployment calls: one
 * that was added before that changed can still be cancelled.
 */
export function createOperations(intake: Intake, { parse, parseCallable }: PhoneParsers): Operations {
  return {
    addLead: idempotent(addLead(intake, parseCallable)),
    cancelLead: idempotent(cancelLead(intake, parse)),
    leadStatus: leadStatus(intake, parse),
  };
}
