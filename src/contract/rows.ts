import { isBlank } from '../text/visible.ts';
import type { ContractOperation, RowsField } from './contract.ts';
import { notAnObject, type ValidationErrors, validationErrorsFrom } from './messages.ts';
import { contentTooLarge, validationFailed } from './refusals.ts';
import { Reply } from './reply.ts';
import type { NotCallable, Validate } from './validation.ts';
import { plainAjv } from './vocabulary.ts';

/** A row of a request, after validation. */
export type ReadRow = ValidRow | InvalidRow;

/** A row that passed validation. */
export interface ValidRow {
  ref: string;
  /** The normalised body of the operation that the row stands for. */
  body: object;
  /** The same as it was sent, without `ref` (JSON text). */
  text: string;
}

/** A row that failed validation. */
export interface InvalidRow {
  /** Null: the row has no valid one. */
  ref: string | null;
  refusal: Reply<'addLead'>;
  notCallable: readonly NotCallable[];
}

/** Validates the rows of one request, in their order. */
export interface RowReader {
  /** @param requiredToo optional fields that the row must contain */
  read(row: unknown, requiredToo?: readonly string[]): ReadRow;
}

const none = {};

/**
 * Returns a factory of row readers. A row is validated by the rules of the operation that it stands for, so it gets the
 * messages that its body would get alone; those about `ref` come first.
 *
 * @param bulk the operation whose requests have rows
 * @param operation the operation that a row stands for
 * @param validate validates the requests of that operation
 */
export function rowReaders(
  bulk: Pick<ContractOperation, 'id' | 'rows'>,
  operation: Pick<ContractOperation, 'maxBytes'>,
  validate: Validate,
): () => RowReader {
  const { id, rows } = bulk;
  if (rows === undefined) throw new Error(`The requests of ${id} have no rows in openapi.yaml.`);
  const refErrors = refValidator(rows.ref);
  const tooLarge = contentTooLarge(operation);

  function read(row: unknown, used: Set<string>, requiredToo: readonly string[]): ReadRow {
    if (!isObject(row)) return { ref: null, refusal: validationFailed(notAnObject), notCallable: [] };
    const { ref: sentRef, ...body } = row;
    const result = validate({ query: none, headers: none, body, requiredToo });
    const { ref, errors } = readRef(sentRef, used);
    if (errors !== undefined || 'errors' in result) {
      // Without a prototype, so that `__proto__` is a field like any other.
      const all: ValidationErrors = Object.create(null);
      Object.assign(all, errors, 'errors' in result && result.errors);
      const notCallable = 'errors' in result ? result.notCallable : [];
      return { ref, refusal: validationFailed(all), notCallable };
    }
    const text = JSON.stringify(body);
    if (Buffer.byteLength(text) > operation.maxBytes) return { ref, refusal: tooLarge, notCallable: [] };
    return { ref, body: result.body, text };
  }

  function readRef(sent: unknown, used: Set<string>): RowRef {
    const errors = refErrors(isBlank(sent) ? undefined : sent);
    if (errors !== undefined) return { ref: null, errors };
    // The cast: the schema of a valid `ref` is that of a string.
    const ref = sent as string;
    if (used.has(ref)) return { ref, errors: refReused };
    used.add(ref);
    return { ref, errors: undefined };
  }

  return () => {
    const used = new Set<string>();
    return { read: (row, requiredToo = []) => read(row, used, requiredToo) };
  };
}

type RowRef = { ref: string; errors: undefined } | { ref: string | null; errors: ValidationErrors };

const refReused: ValidationErrors = { ref: { 0: 'Ref is already used by another row of this request.' } };

/** Returns a function that returns the errors of a `ref`. Its rule is compiled at the first row. */
function refValidator(schema: RowsField['ref']): (ref: unknown) => ValidationErrors | undefined {
  const body = { properties: { ref: schema }, required: ['ref'] };
  const compile = () =>
    plainAjv().compile({ type: 'object', properties: { requestBody: { type: 'object', ...body } } });
  let rule: ReturnType<typeof compile> | undefined;
  return (ref) => {
    rule ??= compile();
    if (rule({ requestBody: ref === undefined ? {} : { ref } })) return undefined;
    return validationErrorsFrom(rule.errors ?? [], body);
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The reply to a row, as if it had been sent alone. */
export interface RowReply {
  ref: string | null;
  reply: Reply<'addLead'>;
}

/** Returns the reply to a request with rows. */
export function rowsReply(rows: readonly RowReply[]): Reply<'addLeads'> {
  return Reply.ofRows(
    rows.map(({ ref, reply }) => resultText(ref, reply)),
    rows.map(({ reply }) => reply),
  );
}

/** Serialises the result of a row. */
export function resultText(ref: string | null, reply: Reply<'addLead'>): string {
  return withRef(ref, memberText(reply));
}

/**
 * Serialises the replies to the rows of a request, to be replayed. It leaves out each `ref`, which is the partner's
 * own.
 */
export function recordedRows(rows: readonly RowReply[]): string {
  return `[${rows.map(({ reply }) => `{${memberText(reply)}}`).join(',')}]`;
}

/**
 * Returns the first reply to a request that is repeated.
 *
 * @param recorded what `recordedRows` returned for the first one
 * @param refs those of the rows
 * @param headers those of a replayed response
 */
export function replayedRows(
  recorded: string,
  refs: readonly (string | null)[],
  headers: Readonly<Record<string, string>>,
): Reply<'addLeads'> {
  const results: object[] = JSON.parse(recorded);
  const texts = results.map((result, index) =>
    withRef(refs[index] ?? null, JSON.stringify(result).slice(1, -1)),
  );
  return Reply.ofRows(texts, undefined, headers);
}

/** Serialises the members of a row's result except `ref`. The body is the text that the row alone would have got. */
function memberText({ outcome, status, text, headers }: Reply<'addLead'>): string {
  const { 'Lead-Id': leadId = null, 'Lead-Due': dueAt = null } = headers;
  const lead = `"lead_id":${JSON.stringify(leadId)},"due_at":${JSON.stringify(dueAt)}`;
  return `"outcome":"${outcome}","status":${status},"body":${text},${lead}`;
}

function withRef(ref: string | null, members: string): string {
  return `{"ref":${JSON.stringify(ref)},${members}}`;
}
