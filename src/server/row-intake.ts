import { readContract } from '../contract/contract.ts';
import type { ValidationErrors } from '../contract/messages.ts';
import type { CallingHoursSetting } from '../leads/calling-hours/calling-hours.ts';
import { CallingRules } from '../leads/calling-hours/rules-by-type.ts';
import { fingerprintOf } from '../leads/idempotency.ts';
import { newIdentifier } from '../leads/identifier.ts';
import type { PhoneParsers } from '../leads/phone.ts';
import { importedKeyId } from '../leads/submission.ts';
import type { DailyQuotas } from '../operations/add-lead.ts';
import { addLeads, type BulkRequest } from '../operations/add-leads.ts';
import type { Partner } from '../partners/partner.ts';
import type { Store } from '../store/store.ts';
import { RequiredConsent } from './required-consent.ts';
import { contractEndpoints, endpointOf, rowValidation } from './row-validation.ts';

/** A lead to add: the fields of `addLead`, and a `ref` that is unique in its request. */
export interface LeadRow extends Record<string, unknown> {
  ref: string;
}

/** What became of a row. */
export interface AddedRow {
  /** A value of the header `Lead-Outcome`. */
  outcome: string;
  /** Why it was not accepted, in sentences; undefined: it was, or it passed a test. */
  problem: string | undefined;
  /** Whether the row can be accepted after it is corrected or sent later. */
  isRejected: boolean;
}

/** What became of the rows of a request, in their order. */
export interface AddedRows {
  rows: readonly AddedRow[];
  /** Whether these are the results of an earlier request with the same rows. */
  isReplay: boolean;
}

/** The partner whose leads are added. */
export interface RowSender {
  partner: Partner;
  /** Maximum number of its leads that are accepted on one day (UTC); null: no limit. */
  dailyQuota: number | null;
  /** Maximum priority of its leads. */
  maxPriority: number;
}

/** Adds leads of partners without a request over HTTP, by the same rules. */
export interface RowIntake {
  /** Names of the fields of a lead. */
  readonly fields: readonly string[];
  /**
   * Adds leads in one transaction. One call at a time.
   *
   * @param isRepeatable whether the next calls with the same rows return these results, for a day
   * @throws {StoreUnavailable}
   */
  add(sender: RowSender, rows: readonly LeadRow[], isRepeatable: boolean): Promise<AddedRows>;
}

/** What the intake of rows depends on. */
export interface RowIntakeOptions {
  store: Store;
  phones: PhoneParsers;
  /** Calling hours of lead types for which nobody has decided. */
  undecidedHours: CallingHoursSetting;
  dailyQuotas: DailyQuotas;
}

/** Creates the intake of rows. */
export function rowIntake({ store, phones, undecidedHours, dailyQuotas }: RowIntakeOptions): RowIntake {
  const endpoints = contractEndpoints(readContract(), phones);
  // By `ref`, of the call in progress. The messages for partners leave out why a number is not called.
  const notCallable = new Map<string | null, string>();
  const rules = rowValidation(endpoints, new RequiredConsent(store), (row) =>
    notCallable.set(row.ref, row.notCallable.map(({ reason }) => reason).join(' ')),
  );
  const operation = addLeads(store, {
    rows: rules,
    parsePhone: phones.parseCallable,
    callingRules: new CallingRules(() => store.callingHours(), undecidedHours),
    quotas: dailyQuotas,
  });
  return {
    fields: [...endpointOf('addLead', endpoints).fields],
    async add(sender, rows, isRepeatable) {
      notCallable.clear();
      const { text, isReplay, outcome } = await operation.run(requestOf(sender, rows, isRepeatable));
      if (outcome !== 'processed') throw new Error(`The rows were not processed: ${text}`);
      // The cast: `rowsReply` has serialised it.
      const { results } = JSON.parse(text) as { results: Result[] };
      return { rows: results.map((result) => addedRow(result, notCallable.get(result.ref))), isReplay };
    },
  };
}

function requestOf(sender: RowSender, rows: readonly LeadRow[], isRepeatable: boolean): BulkRequest {
  const receivedAt = Date.now();
  const fingerprint = fingerprintOf('addLeads', { leads: rows });
  return {
    id: newIdentifier(receivedAt),
    ...sender,
    keyId: importedKeyId,
    // The cast: the operation itself validates each row.
    body: { leads: [...rows] } as unknown as BulkRequest['body'],
    receivedAt,
    idempotency: isRepeatable ? { key: `import ${fingerprint}`, fingerprint } : undefined,
  };
}

/** The result of a row in a response, as far as an import reads it. */
interface Result {
  ref: string | null;
  outcome: string;
  status: number;
  body: { error?: string } | ValidationErrors;
}

/** Outcomes of rows that are valid, but whose type is wrong or not granted yet. */
const ofUnknownType = ['unknown-type', 'test-unknown-type'];

function addedRow({ outcome, status, body }: Result, notCallable: string | undefined): AddedRow {
  const isRejected = status !== 200 || ofUnknownType.includes(outcome);
  return { outcome, problem: problemIn(body, outcome, notCallable), isRejected };
}

function problemIn(body: Result['body'], outcome: string, notCallable = ''): string | undefined {
  if (outcome !== 'validation-failed') return typeof body.error === 'string' ? body.error : undefined;
  // The cast: this is the body of this outcome.
  const messages = Object.entries(body as ValidationErrors).map(
    ([field, each]) => `${field}: ${Object.values(each).join(' ')}`,
  );
  return [...messages, notCallable].filter(Boolean).join(' ');
}
