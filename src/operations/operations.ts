import type { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import type { PhoneParsers } from '../leads/phone.ts';
import type { Intake } from '../store/intake.ts';
import type { PartnerEvents } from '../store/partner-events.ts';
import type { Reports } from '../store/reports.ts';
import type { Suppressions } from '../store/suppressions.ts';
import { addLead, type DailyQuotas } from './add-lead.ts';
import { addLeads, type RowValidation } from './add-leads.ts';
import { type CancellingStore, cancelLead } from './cancel-lead.ts';
import { doNotCall } from './do-not-call.ts';
import { idempotent } from './idempotent.ts';
import { leadEvents } from './lead-events.ts';
import { leadReport } from './lead-report.ts';
import { leadStatus } from './lead-status.ts';
import type { Operations } from './operation.ts';

/** What the operations depend on, in addition to the store. */
export interface OperationOptions {
  callingRules: CallingRules;
  dailyQuotas: DailyQuotas;
  /** How the rows of `addLeads` are validated. */
  rows: RowValidation;
  /** Maximum number of objections of a partner on one day. */
  objectionsPerDay: number;
}

/**
 * Creates the operations of the contract. Only `addLead` and `addLeads` require a number that the deployment calls, so
 * that leads can still be cancelled, and objections recorded, after the policy has changed.
 */
export function createOperations(
  store: Intake & CancellingStore & Suppressions & PartnerEvents & Reports,
  { parse, parseCallable }: PhoneParsers,
  { callingRules, dailyQuotas, rows, objectionsPerDay }: OperationOptions,
): Operations {
  return {
    addLead: idempotent(addLead(store, parseCallable, callingRules, dailyQuotas)),
    addLeads: idempotent(
      addLeads(store, { rows, parsePhone: parseCallable, callingRules, quotas: dailyQuotas }),
    ),
    cancelLead: idempotent(cancelLead(store, parse)),
    leadStatus: leadStatus(store, parse),
    leadEvents: leadEvents(store),
    doNotCall: doNotCall(store, parse, objectionsPerDay),
    leadReport: leadReport(store),
  };
}
