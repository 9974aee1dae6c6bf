/** The search index of the page: every heading, operation, field, header, outcome and error message, with its URL. */
import { examplesOf, fieldsOf, type Operation, type ResponseExample, referenceHash } from './contract.ts';
import { messagesOf } from './contract-tables.ts';
import type { RenderedGuide } from './markdown.ts';

/** An entry: title, kind, URL relative to the page, and other text to search. */
export type SearchEntry = [title: string, kind: string, url: string, text: string];

/** Words that readers search for and that a section does not contain. */
const synonyms: Record<string, string> = {
  authentication: 'api key token bearer 401',
  'add-a-lead': 'create post submit fields headers Lead-Id Lead-Due',
  'cancel-a-lead': 'delete remove withdraw',
  'lead-status': 'webhook callback poll notification',
  outcomes: 'duplicate',
  'rate-limits': 'throttling too many requests 429 RateLimit RateLimit-Policy Retry-After',
  'idempotency-and-retries': 'timeout duplicate twice Idempotency-Key Idempotent-Replayed',
  'when-to-retry': 'timeout backoff',
  delays: 'schedule later postpone delayed',
  'mock-server': 'prism develop',
  'quick-start': 'getting started example Request-Id',
  testing: 'dry run validate',
};

/** Returns the entries of the search. */
export function searchIndex(guide: RenderedGuide, operations: readonly Operation[]): SearchEntry[] {
  const sections = guide.headings.map(({ id, text }): SearchEntry => {
    const words = `${guide.texts.get(id) ?? ''} ${synonyms[id] ?? ''}`;
    return [text, 'Guide', `index.html#${id}`, plain(words)];
  });
  const references = operations.map((operation): SearchEntry => {
    const { summary, path, description } = operation;
    return [
      summary,
      'Reference',
      `reference.html${referenceHash(operation)}`,
      plain(`POST ${path} ${description}`),
    ];
  });
  return [...references, ...sections, ...operations.flatMap(fields), ...outcomes(guide, operations)];
}

function fields(operation: Operation): SearchEntry[] {
  return fieldsOf(operation).map(({ name, description }) => [
    name,
    `Field · ${operation.summary}`,
    operation.operationId === 'addLead'
      ? `index.html#addLead-${name}`
      : `reference.html${referenceHash(operation)}`,
    plain(description ?? ''),
  ]);
}

function outcomes(guide: RenderedGuide, operations: readonly Operation[]): SearchEntry[] {
  const ids = new Set(guide.tables.flatMap(({ rows }) => rows.map(({ id }) => id)));
  const entries = operations.flatMap((operation) =>
    Object.keys(operation.responses).flatMap((status) =>
      examplesOf(operation, status).map(([name, example]) => outcome(ids, operation, status, name, example)),
    ),
  );
  // Operations share most of their errors.
  return [...new Map(entries.map((entry) => [entry[0] + entry[2], entry])).values()];
}

function outcome(
  ids: ReadonlySet<string>,
  operation: Operation,
  status: string,
  name: string,
  example: ResponseExample,
): SearchEntry {
  const candidates = [
    `${operation.operationId}-outcome-${name}`,
    `error-${status}-${name}-${operation.operationId}`,
    `error-${status}-${name}`,
  ];
  const id = candidates.find((candidate) => ids.has(candidate)) ?? sectionOf(status, operation);
  const { summary, value, description } = example;
  const kind = status === '200' ? `Outcome · ${operation.summary}` : `Error ${status}`;
  const body = status === '400' ? messagesOf(example).map(({ message }) => message) : Object.values(value);
  const words = [status, name, example['x-outcome'] ?? '', ...body, description];
  return [summary, kind, `index.html#${id}`, plain(words.join(' '))];
}

/** The section of an example that shares the row of another one. */
function sectionOf(status: string, operation: Operation): string {
  if (status === '400') return 'validation-errors';
  if (status !== '200') return 'other-errors';
  return (
    { addLead: 'outcomes-of-adding-a-lead', cancelLead: 'outcomes-of-cancelling-a-lead' }[
      operation.operationId
    ] ?? 'outcomes'
  );
}

/** Returns the words of Markdown. */
function plain(text: string): string {
  return text
    .replace(/\]\([^)]*\)/g, '')
    .replace(/[`*[\]|]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
