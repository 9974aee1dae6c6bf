import type { ReadPhone } from '../leads/phone.ts';
import type { Intake } from '../store/store.ts';
import { addLead } from './add-lead.ts';
import { cancelLead } from './cancel-lead.ts';
import { idempotent } from './idempotent.ts';
import { leadStatus } from './lead-status.ts';
import type { Operations } from './operation.ts';

/** Every operation of the contract, over one store. */
export function createOperations(intake: Intake, readPhone: ReadPhone): Operations {
  return {
    addLead: idempotent(addLead(intake, readPhone)),
    cancelLead: idempotent(cancelLead(intake, readPhone)),
    leadStatus: leadStatus(intake, readPhone),
  };
}
