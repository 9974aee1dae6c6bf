import { setImmediate } from 'node:timers/promises';
import { Reply } from '../contract/reply.ts';
import {
  type InvalidRow,
  type ReadRow,
  type RowReader,
  type RowReply,
  recordedRows,
  replayedRows,
  rowsReply,
  type ValidRow,
} from '../contract/rows.ts';
import type { CallingRules, RulesByType } from '../leads/calling-hours/rules-by-type.ts';
import { newIdentifier } from '../leads/identifier.ts';
import type { ParsePhone } from '../leads/phone.ts';
import type { Submission } from '../leads/submission.ts';
import type { Intake, SubmissionResult } from '../store/intake.ts';
import { inSpan, traceparent } from '../telemetry/tracing.ts';
import { type DailyQuotas, replyTo, replyWithoutSaving, submissionOf, tooManyLeads } from './add-lead.ts';
import { idempotencyKeyReused, replayedHeaders } from './idempotent.ts';
import type { Operation, OperationRequest } from './operation.ts';

const serverError = Reply.of<'addLeads'>()(500, 'server-error', {
  error: 'The server could not save the leads. None of them is saved.',
});

/** Time after which the validation of rows lets other requests proceed (ms). */
const maxSlice = 10;

/** How rows are validated. */
export interface RowValidation {
  /** Returns a reader of the rows of one request. */
  newReader(): RowReader;
  /** Returns the optional fields that a partner's row must contain. */
  requiredFields(partnerId: number, row: unknown): readonly string[] | Promise<readonly string[]>;
  /** Called with each row that fails validation. */
  onInvalid(row: InvalidRow, request: BulkRequest): void;
}

/** A request to add leads, of a partner or of an operator who imports the partner's leads. */
export type BulkRequest = Omit<OperationRequest<'addLeads'>, 'text'>;

/** Adds leads, also for an operator. */
export interface AddLeads extends Operation<'addLeads'> {
  run(request: BulkRequest): Promise<Reply<'addLeads'>>;
}

/** What the operation depends on, in addition to the store. */
export interface AddLeadsOptions {
  rows: RowValidation;
  parsePhone: ParsePhone;
  callingRules: CallingRules;
  quotas: DailyQuotas;
}

/** A row of a request: its reply, or its submission, whose reply depends on the store. */
type PlannedRow = { ref: string | null; reply: Reply<'addLead'> } | { ref: string; submission: Submission };

/** POST /lead/add-many: saves the submissions of all valid rows in one transaction, with the leads that are accepted. */
export function addLeads(intake: Intake, options: AddLeadsOptions): AddLeads {
  const { callingRules, quotas } = options;
  return {
    async run(request) {
      const { partner, dailyQuota, idempotency } = request;
      const rows = await readRows(request, options.rows);
      const planned = await plan(rows, request, intake, options.parsePhone, await callingRules.current());
      const entered = enterAll(planned, partner.id, dailyQuota, quotas);
      const submissions = entered.flatMap((row) => ('submission' in row ? [row.submission] : []));
      const repliesTo = (results: readonly SubmissionResult[]) => withResults(entered, results);
      try {
        const stored = await inSpan('commit', {}, () =>
          intake.submitAll(
            submissions,
            partner.id,
            idempotency && {
              ...idempotency,
              responseTo: (results) => recordedRows(repliesTo(results)),
            },
          ),
        );
        if (stored.outcome === 'idempotency-key-reused') return idempotencyKeyReused;
        if (stored.outcome === 'replayed') {
          return replayedRows(
            stored.response,
            rows.map(({ ref }) => ref),
            replayedHeaders,
          );
        }
        for (const { outcome } of stored.results) if (outcome === 'accepted') quotas.count(partner.id);
        return rowsReply(repliesTo(stored.results));
      } finally {
        for (const _ of submissions) quotas.leave(partner.id);
      }
    },
    serverError,
  };
}

/** Validates the rows of a request. Lets other requests proceed meanwhile, because there may be 4 MiB of them. */
async function readRows(request: BulkRequest, validation: RowValidation): Promise<ReadRow[]> {
  const { partner, body } = request;
  const reader = validation.newReader();
  const rows: ReadRow[] = [];
  let sliceBegan = performance.now();
  for (const sent of body.leads) {
    const row = reader.read(sent, await validation.requiredFields(partner.id, sent));
    if ('refusal' in row) validation.onInvalid(row, request);
    rows.push(row);
    if (performance.now() - sliceBegan < maxSlice) continue;
    await setImmediate();
    sliceBegan = performance.now();
  }
  return rows;
}

/** Returns what is to be done with each row. The first submission has the identifier of the request. */
async function plan(
  rows: readonly ReadRow[],
  { id, partner, keyId, maxPriority, receivedAt }: BulkRequest,
  intake: Pick<Intake, 'isGranted'>,
  parsePhone: ParsePhone,
  rules: RulesByType,
): Promise<PlannedRow[]> {
  const trace = traceparent();
  const grants = new Map<string, Promise<boolean>>();
  const isGranted = (type: string) => {
    const grant = grants.get(type) ?? intake.isGranted(partner.id, type);
    grants.set(type, grant);
    return grant;
  };
  let nextId: string | undefined = id;
  const planned: PlannedRow[] = [];
  for (const row of rows) {
    if ('refusal' in row) {
      planned.push({ ref: row.ref, reply: row.refusal });
      continue;
    }
    const { ref, text } = row;
    const body = leadIn(row);
    const request = { partnerId: partner.id, keyId, maxPriority, receivedAt, text, trace };
    const submitted = { id: nextId ?? newIdentifier(receivedAt), ...request };
    const submission = submissionOf(body, submitted, parsePhone, rules);
    const unsaved = replyWithoutSaving(submission, body, isGranted);
    const reply = unsaved && (await unsaved);
    planned.push(reply === undefined ? { ref, submission } : { ref, reply });
    if (reply === undefined) nextId = undefined;
  }
  return planned;
}

function leadIn({ body }: ValidRow): OperationRequest<'addLead'>['body'] {
  // The cast: the row passed the schema that this type is generated from.
  return body as OperationRequest<'addLead'>['body'];
}

/** Lets the submissions enter the daily quota, and refuses those beyond it. */
function enterAll(
  rows: readonly PlannedRow[],
  partnerId: number,
  dailyQuota: number | null,
  quotas: DailyQuotas,
): PlannedRow[] {
  return rows.map((row) => {
    const retryAfter = 'submission' in row ? quotas.enter(partnerId, dailyQuota) : undefined;
    return retryAfter === undefined ? row : { ref: row.ref, reply: tooManyLeads(retryAfter) };
  });
}

/** Returns the replies to the rows. @param results those of the submissions, in their order */
function withResults(rows: readonly PlannedRow[], results: readonly SubmissionResult[]): RowReply[] {
  let next = 0;
  return rows.map((row) => {
    if ('reply' in row) return row;
    const result = results[next];
    if (result === undefined) throw new Error('The store returned fewer results than submissions.');
    next += 1;
    return { ref: row.ref, reply: replyTo(result) };
  });
}
