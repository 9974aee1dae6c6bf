import { readTestNumbers } from '../../src/contract/test-numbers.ts';
import {
  entryFieldsOf,
  examplesOf,
  type Field,
  fieldsOf,
  json,
  type Operation,
  operationOf,
  type ResponseExample,
  resultFieldsOf,
} from './contract.ts';

/** A table whose cells are Markdown. */
export interface Table {
  headings: string[];
  rows: Row[];
}

/** A row, with the id of its anchor in the guide. */
export interface Row {
  id: string;
  /** Ids of what else the row describes, without an anchor of their own. */
  otherIds?: string[];
  cells: string[];
}

/**
 * Returns the table of a table comment in the guide, generated from the contract:
 *
 * - `fields: addLead`: the fields of the request
 * - `results: addLead`: the fields of the responses with status 200
 * - `outcomes: addLead`: the responses with status 200
 * - `states: leadStatus`: the values of `state`
 * - `headers`: the headers of the requests and responses of all operations
 * - `messages`: the validation errors of all operations
 * - `errors`: the other errors of all operations
 * - `test-numbers`: what happens to the leads of test numbers
 *
 * @throws if the comment names an operation that does not exist, or a field has no description
 */
export function tableFor(comment: string, operations: readonly Operation[]): Table {
  const [kind, id] = comment.split(': ');
  if (kind === 'test-numbers') return testNumberTable();
  if (kind === 'errors') return errorTable(operations);
  if (kind === 'messages') return messageTable(operations);
  if (kind === 'headers') return headerTable(operations);
  const operation = operationOf(id ?? '', operations);
  if (kind === 'fields') return fieldTable(operation);
  if (kind === 'results') return resultTable(operation);
  if (kind === 'states') return stateTable(operation);
  if (kind === 'outcomes') return outcomeTable(operation);
  throw new Error(`The guide has an unknown table comment: ${comment}.`);
}

/** Returns a table as Markdown. */
export function asMarkdown({ headings, rows }: Table): string {
  return [headings, headings.map(() => '---'), ...rows.map(({ cells }) => cells)]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

function fieldTable(operation: Operation): Table {
  const rows = withEntries(fieldsOf(operation)).map((field) => {
    const { name, description, maxLength, examples } = field;
    return {
      id: `${operation.operationId}-${anchorOf(name)}`,
      cells: [
        code(name),
        presenceOf(field),
        summaryOf(name, description) + (maxLength === undefined ? '' : ` Up to ${maxLength} characters.`),
        examples?.[0] === undefined ? '' : code(String(examples[0])),
      ],
    };
  });
  return { headings: ['Field', 'Presence', 'Description', 'Example'], rows };
}

/** Adds the fields of entries after each list. */
function withEntries<Listed extends Parameters<typeof entryFieldsOf>[0]>(
  fields: Listed[],
): (Listed | Field)[] {
  return fields.flatMap((field) => [field, ...entryFieldsOf(field)]);
}

function anchorOf(name: string): string {
  return name.replaceAll(/(?:\[\])?\./g, '-');
}

function presenceOf({ isRequired, requiredWithout }: Field): string {
  if (isRequired) return '**required**';
  return requiredWithout.length === 0
    ? 'optional'
    : `**required** without ${requiredWithout.map(code).join(' and ')}`;
}

function resultTable(operation: Operation): Table {
  const rows = new Map<string, Row>();
  for (const { name, description, const: value, examples } of withEntries(resultFieldsOf(operation))) {
    const meaning =
      typeof value === 'boolean' ? `${code(String(value))}: ${description}` : (description ?? '');
    const row = rows.get(name) ?? {
      id: `${operation.operationId}-result-${anchorOf(name)}`,
      cells: [code(name), '', examples?.[0] === undefined ? '' : code(JSON.stringify(examples[0]))],
    };
    const [, meanings = ''] = row.cells;
    if (!meanings.includes(meaning)) row.cells[1] = `${meanings} ${meaning}`.trim();
    rows.set(name, row);
  }
  const all = [...rows.values()];
  if (all.some(({ cells }) => cells[2] !== ''))
    return { headings: ['Field', 'Meaning', 'Example'], rows: all };
  for (const { cells } of all) cells.pop();
  return { headings: ['Field', 'Meaning'], rows: all };
}

function testNumberTable(): Table {
  const rows = readTestNumbers().all.map(({ ending, outcome, state, result, description }) => ({
    id: `test-number-${ending}`,
    cells: [ending, outcome, state, result]
      .map((value) => (value === undefined ? '' : code(value)))
      .concat(description),
  }));
  return { headings: ['Last digits', '`Lead-Outcome`', '`state`', '`result`', 'Meaning'], rows };
}

/** Returns the table of the headers of all responses, and of the requests' own ones. */
export function headerTable(operations: readonly Operation[]): Table {
  const rows = new Map<string, Row>();
  const add = (name: string, sent: string, description: string, example: unknown) => {
    const shown = example === undefined ? '' : code(String(example));
    const row = { id: `header-${name.toLowerCase()}`, cells: [code(name), sent, description, shown] };
    if (!rows.has(name)) rows.set(name, row);
  };
  for (const { parameters = [] } of operations)
    for (const { name, in: place, description, schema } of parameters)
      if (place === 'header') add(name, 'Request', summaryOf(name, description), schema.examples?.[0]);
  const responses = operations.flatMap((operation) =>
    Object.entries(operation.responses).map(([status, response]) => ({ status, ...response })),
  );
  for (const { headers } of responses)
    for (const [name, { description, schema }] of Object.entries(headers)) {
      const having = responses.filter((response) => name in response.headers);
      const statuses = [...new Set(having.map(({ status }) => status))].toSorted().join(', ');
      const sent = having.length === responses.length ? 'Every response' : `Responses: ${statuses}`;
      add(name, sent, description, schema.examples?.[0]);
    }
  return { headings: ['Header', 'Sent in', 'Meaning', 'Example'], rows: [...rows.values()] };
}

/** Returns the table of the responses with status 200. */
export function outcomeTable(operation: Operation): Table {
  const rows = new Map<string, Row>();
  const examples = examplesOf(operation, '200');
  const hasOutcome = examples.some(([, example]) => example['x-outcome'] !== undefined);
  for (const [name, { summary, description, value, 'x-outcome': outcome }] of examples) {
    const body = shortBody(value);
    const id = `${operation.operationId}-outcome-${name}`;
    // Several examples can have the same body; the first one is the plainest case.
    if (describes(rows.get(body + outcome), id)) continue;
    const cells = [`**${summary}**`, code(body), description];
    if (hasOutcome) cells.splice(2, 0, outcome === undefined ? '' : code(outcome));
    rows.set(body + outcome, { id, cells });
  }
  const headings = ['Outcome', 'Body', 'Meaning'];
  if (hasOutcome) headings.splice(2, 0, '`Lead-Outcome`');
  return { headings, rows: [...rows.values()] };
}

/** Returns whether there is a row already, and if so, notes that it describes something else too. */
function describes(row: Row | undefined, id: string): boolean {
  if (row === undefined) return false;
  row.otherIds = [...(row.otherIds ?? []), id];
  return true;
}

function stateTable(operation: Operation): Table {
  const rows = new Map<string, Row>();
  for (const [, { value, description }] of examplesOf(operation, '200')) {
    const state = String(value['state']);
    // Several examples can have the same state; the first one is the plainest case.
    if ('state' in value && !rows.has(state))
      rows.set(state, { id: `state-${state}`, cells: [code(state), description] });
  }
  return { headings: ['State', 'Meaning'], rows: [...rows.values()] };
}

/** Returns the table of the validation errors: each message with its field, cause and fix. */
export function messageTable(operations: readonly Operation[]): Table {
  const rows = new Map<string, Row>();
  /** Paths of the operations that each row describes. */
  const paths = new Map<string, string[]>();
  for (const operation of operations) {
    for (const [name, example] of examplesOf(operation, '400')) {
      const messages = messagesOf(example);
      const key = JSON.stringify([example.summary, messages, example.description]);
      const ownId = `error-400-${name}-${operation.operationId}`;
      paths.set(key, [...(paths.get(key) ?? []), operation.path]);
      if (describes(rows.get(key), ownId)) continue;
      const cells = [
        `**${example.summary}**`,
        messages.map(({ field, message }) => `${code(field)}: ${quoted(message)}`).join('<br>'),
        example.description,
      ];
      const id = `error-400-${name}`;
      const isTaken = [...rows.values()].some((row) => row.id === id);
      rows.set(key, { id: isTaken ? ownId : id, otherIds: [ownId], cells });
    }
  }
  labelByPath(rows, paths);
  return { headings: ['Problem', 'Field and message', 'Cause and fix'], rows: [...rows.values()] };
}

/** Adds the paths of their operations to rows with equal titles. @param paths by the keys of the rows */
function labelByPath(rows: ReadonlyMap<string, Row>, paths: ReadonlyMap<string, readonly string[]>): void {
  for (const group of Map.groupBy(rows, ([, { cells }]) => cells[0]).values()) {
    if (group.length === 1) continue;
    for (const [key, { cells }] of group)
      cells[0] = `${cells[0]} (${[...new Set(paths.get(key))].map(code).join(', ')})`;
  }
}

/** Returns the messages of a validation error. */
export function messagesOf({ value }: ResponseExample): { field: string; message: string }[] {
  return Object.entries(value).flatMap(([field, messages]) =>
    Object.values(Object(messages)).map((message) => ({ field, message: String(message) })),
  );
}

/** Returns the table of the errors other than validation errors. */
export function errorTable(operations: readonly Operation[]): Table {
  const causes = new Map<string, { row: Row; sentences: Set<string> }>();
  const statuses = new Set(operations.flatMap(({ responses }) => Object.keys(responses)));
  for (const status of [...statuses].toSorted()) {
    if (status === '200' || status === '400') continue;
    for (const operation of operations) {
      for (const [name, { summary, description, value }] of examplesOf(operation, status)) {
        const message = errorText(value);
        const isTaken = [...causes.values()].some(({ row }) => row.id === `error-${status}-${name}`);
        const id = `error-${status}-${name}${isTaken ? `-${operation.operationId}` : ''}`;
        const known = causes.get(status + message);
        const row = known?.row ?? { id, cells: [`**${status}**`, message] };
        describes(row, `error-${status}-${name}-${operation.operationId}`);
        const cause = known ?? { row, sentences: new Set() };
        cause.sentences.add(`**${summary}.** ${description}`);
        causes.set(status + message, cause);
      }
    }
  }
  const rows = [...causes.values()].map(({ row, sentences }) => ({
    ...row,
    cells: [...row.cells, [...sentences].join(' ')],
  }));
  return { headings: ['Status', 'Error', 'Cause and fix'], rows };
}

/** Returns the table of every response example with one of these statuses, for an operation's description. */
export function responseTable(operation: Operation, statuses: readonly string[]): Table {
  const rows = statuses.flatMap((status) =>
    examplesOf(operation, status).map(([name, example]) => {
      const outcome = example['x-outcome'] === undefined ? '' : `<br>\`${example['x-outcome']}\``;
      const body =
        status === '200' ? code(shortBody(example.value)) : `${status} ${code(json(example.value))}`;
      return {
        id: `${status}-${name}`,
        cells: [body + outcome, `**${example.summary}.** ${example.description}`],
      };
    }),
  );
  return { headings: ['Response', 'Meaning, cause and fix'], rows };
}

/** The body of an outcome, without the times of a lead, and without the members of events and reports. */
function shortBody(value: Record<string, unknown>): string {
  if ('events' in value || 'rows' in value) return elided(value);
  if (Array.isArray(value['results'])) return `{ "results": [ … ${lastResult(value['results'])} ] }`;
  return 'state' in value ? `{ "found": true, "state": "${value['state']}", … }` : json(value);
}

/** JSON without the entries of its lists and the members of its objects. */
function elided(value: Record<string, unknown>): string {
  const members = Object.entries(value).map(([name, member]) => {
    const text = JSON.stringify(member);
    const isNested = typeof member === 'object' && text.length > 2;
    return `"${name}": ${isNested ? `${text.slice(0, 1)} … ${text.slice(-1)}` : text}`;
  });
  return `{ ${members.join(', ')} }`;
}

/** The last of the results of rows, without the members that are the same for all. */
function lastResult(results: Record<string, unknown>[]): string {
  const { outcome, status, body } = results.at(-1) ?? {};
  return `${json({ outcome, status, body }).slice(0, -2)}, … }`;
}

function errorText(value: Record<string, unknown>): string {
  return Object.keys(value).join() === 'error' ? String(value['error']) : code(json(value));
}

/** The first sentence of a field's description, and its default. The reference has the rest. */
function summaryOf(field: string, description: string | undefined): string {
  if (description === undefined) throw new Error(`The field ${field} has no description in openapi.yaml.`);
  return /^.*?[.](?: Default: [^.]+[.])?(?= |$)/.exec(description)?.[0] ?? description;
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** A message as Markdown, in which backquotes stay visible. */
function quoted(message: string): string {
  return code(message);
}
