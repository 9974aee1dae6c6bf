import { UserError } from '../errors/user-error.ts';
import { identifierOfUuid, isIdentifier, isUuid } from '../leads/identifier.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { CallResultRecord } from '../store/call-results.ts';
import type { Attempt } from '../store/delivery.ts';
import type { CancellationRecord, LeadActionRecord, LeadRecord, SubmissionRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { WithdrawalRecord } from '../store/withdrawals.ts';

/** Everything that the store has about a person. */
export interface Person {
  /** E.164. */
  mobile: string;
  /** Newest first. */
  leads: readonly LeadRecord[];
  /** Oldest first. */
  attempts: readonly Attempt[];
  /** Latest first. */
  withdrawals: readonly WithdrawalRecord[];
  /** Results of calls, oldest first. */
  results: readonly CallResultRecord[];
  /** What operators did with the leads, oldest first. */
  actions: readonly LeadActionRecord[];
  /** Newest first. */
  submissions: readonly SubmissionRecord[];
  /** Newest first. */
  cancellations: readonly CancellationRecord[];
}

/** Returns the mobile numbers of the people that a text refers to. @throws {UserError} if there are none */
export async function findMobiles(store: Store, parsePhone: ParsePhone, text: string): Promise<string[]> {
  const id = isIdentifier(text) ? text : identifierOfUuid(text);
  if (id !== undefined) {
    const mobile = await store.mobileOf(id);
    if (mobile !== undefined) return [mobile];
  }
  if (isUuid(text)) {
    throw new UserError(
      `No request with the id ${text} was saved, or \`leads prune\` has removed it. If the server rejected the request, its log has the id. If the proxy responded itself, only the log of the proxy has it.`,
    );
  }
  if (id !== undefined) {
    throw new UserError(
      `No lead, submission or cancellation has the id ${text}, or \`leads prune\` has removed it.`,
    );
  }
  if (text.includes('@')) {
    const mobiles = await store.mobilesOfEmail(text);
    if (mobiles.length > 0) return mobiles;
    throw new UserError(`No stored submission has the e-mail address ${text}.`);
  }
  const mobile = parsePhone(text);
  if (mobile !== undefined) return [mobile];
  throw new UserError(
    `${JSON.stringify(text)} is not a valid phone number, Lead-Id, Request-Id or e-mail address. Write a phone number as a national number, or with + and the country code.`,
  );
}

/** Reads everything about a person. @param mobile E.164 */
export async function readPerson(store: Store, mobile: string): Promise<Person> {
  const all = Number.MAX_SAFE_INTEGER;
  return {
    mobile,
    leads: await Array.fromAsync(store.leads({ mobile }, all)),
    attempts: await Array.fromAsync(store.attempts(mobile)),
    withdrawals: await Array.fromAsync(store.withdrawals({ mobile }, all)),
    results: await Array.fromAsync(store.callResults(mobile)),
    actions: await Array.fromAsync(store.leadActions(mobile)),
    submissions: await Array.fromAsync(store.submissions({ mobile }, all)),
    cancellations: await Array.fromAsync(store.cancellations(mobile)),
  };
}

/** Returns the ids of the leads whose submission is no longer stored. */
export function prunedLeads({ leads, submissions }: Person): string[] {
  const stored = new Set(submissions.map(({ id }) => id));
  return leads.filter(({ submissionId }) => !stored.has(submissionId)).map(({ id }) => id);
}
