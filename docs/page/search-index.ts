/** The search index of the page: every heading, operation, field, header, outcome and error message, with its URL. */
import {
  examplesOf,
  fieldsOf,
  type Operation,
  type ResponseExample,
  referenceHash,
  resultFieldsOf,
} from './contract.ts';
import { headerTable, messagesOf } from './contract-tables.ts';
import type { RenderedGuide } from './markdown.ts';

/** An entry: title, kind, URL relative to the page, and other text to search. */
export type SearchEntry = [title: string, kind: string, url: string, text: string];

/** Words that readers search for and that a section does not contain. */
const synonyms: Record<string, string> = {
  authentication: 'api key token bearer 401',
  'add-a-lead': 'create post submit fields headers Lead-Id Lead-Due',
  'add-many-leads': 'batch bulk import upload',
  'cancel-a-lead': 'delete remove withdraw',
  'lead-status': 'webhook callback poll notification',
  'do-not-call': 'opt out unsubscribe objection suppression dnc tps',
  outcomes: 'duplicate',
  'rate-limits': 'throttling too many requests 429 RateLimit RateLimit-Policy Retry-After',
  'idempotency-and-retries': 'timeout duplicate twice Idempotency-Key Idempotent-Replayed',
  'when-to-retry': 'timeout backoff',
  delays: 'schedule later postpone delayed',
  'receive-events': 'signature hmac verify webhook callback push',
  'schedule-a-call': 'timezone time zone calling hours later',
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
  const urls = urlsOf(guide);
  return [
    ...references,
    ...sections,
    ...operations.flatMap((operation) => fields(urls, operation)),
    ...headers(urls, operations),
    ...outcomes(urls, operations),
  ];
}

/** Returns the URL of each row of the guide's tables, by every id of what it describes. */
function urlsOf(guide: RenderedGuide): (id: string) => string {
  const urls = new Map<string, string>();
  for (const { id, otherIds = [] } of guide.tables.flatMap(({ rows }) => rows))
    for (const each of [id, ...otherIds]) urls.set(each, `index.html#${id}`);
  return (id) => {
    const url = urls.get(id);
    if (url === undefined)
      throw new Error(`No table of the guide has the row ${id}, to which the search leads.`);
    return url;
  };
}

function fields(urlOf: (id: string) => string, operation: Operation): SearchEntry[] {
  const requestFields = fieldsOf(operation).map(
    ({ name, description }): SearchEntry => [
      name,
      `Field · ${operation.summary}`,
      urlOf(`${operation.operationId}-${name}`),
      plain(`request ${description ?? ''}`),
    ],
  );
  const results = new Map<string, string>();
  for (const { name, description } of resultFieldsOf(operation))
    results.set(name, `${results.get(name) ?? ''} ${description}`);
  const resultFields = [...results].map(
    ([name, description]): SearchEntry => [
      name,
      `Result · ${operation.summary}`,
      urlOf(`${operation.operationId}-result-${name}`),
      plain(`response ${description}`),
    ],
  );
  return [...requestFields, ...resultFields];
}

function headers(urlOf: (id: string) => string, operations: readonly Operation[]): SearchEntry[] {
  return headerTable(operations).rows.map(({ id, cells: [name = '', ...cells] }) => [
    plain(name),
    'Header',
    urlOf(id),
    plain(cells.join(' ')),
  ]);
}

function outcomes(urlOf: (id: string) => string, operations: readonly Operation[]): SearchEntry[] {
  const entries = operations.flatMap((operation) =>
    Object.keys(operation.responses).flatMap((status) =>
      examplesOf(operation, status).map(([name, example]) => {
        const id = rowId(operation, status, name);
        return outcome(urlOf(id), operation, status, name, example);
      }),
    ),
  );
  // Operations share most of their errors.
  return [...new Map(entries.map((entry) => [entry[0] + entry[2], entry])).values()];
}

/** Returns an id of an example in the guide's tables. */
function rowId({ operationId }: Operation, status: string, name: string): string {
  return status === '200' ? `${operationId}-outcome-${name}` : `error-${status}-${name}-${operationId}`;
}

function outcome(
  url: string,
  operation: Operation,
  status: string,
  name: string,
  example: ResponseExample,
): SearchEntry {
  const { summary, value, description } = example;
  const kind = status === '200' ? `Outcome 200 · ${operation.summary}` : `Error ${status}`;
  const body = status === '400' ? messagesOf(example).map(({ message }) => message) : valuesIn(value);
  const words = [status, name, example['x-outcome'] ?? '', ...body, description];
  return [summary, kind, url, plain(words.join(' '))];
}

/** Returns all values in a JSON value that are not objects or arrays. */
function valuesIn(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(valuesIn) : [value];
}

/** Returns the words of Markdown. */
function plain(text: string): string {
  return text
    .replace(/\]\([^)]*\)/g, '')
    .replace(/[`*[\]|]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
