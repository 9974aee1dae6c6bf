import { examplesOf, fieldsOf, json, type Operation, operationOf, type ResponseExample } from './contract.ts';

/** A table whose cells are Markdown. */
export interface Table {
  headings: string[];
  rows: Row[];
}

/** A row, with the id of its anchor in the guide. */
export interface Row {
  id: string;
  cells: string[];
}

/**
 * Returns the table of a table comment in the guide, generated from the contract:
 *
 * - `fields: addLead`: the fields of the request
 * - `outcomes: addLead`: the responses with status 200
 * - `states: leadStatus`: the values of `state`
 * - `messages`: the validation errors of all operations
 * - `errors`: the other errors of all operations
 *
 * @throws if the comment names an operation that does not exist, or a field has no description
 */
export function tableFor(comment: string, operations: readonly Operation[]): Table {
  const [kind, id] = comment.split(': ');
  if (kind === 'errors') return errorTable(operations);
  if (kind === 'messages') return messageTable(operations);
  const operation = operationOf(id ?? '', operations);
  if (kind === 'fields') return fieldTable(operation);
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
  const rows = fieldsOf(operation).map(({ name, description, maxLength, examples, isRequired }) => ({
    id: `${operation.operationId}-${name}`,
    cells: [
      code(name),
      isRequired ? '**required**' : 'optional',
      summaryOf(name, description) + (maxLength === undefined ? '' : ` Up to ${maxLength} characters.`),
      examples?.[0] === undefined ? '' : code(String(examples[0])),
    ],
  }));
  return { headings: ['Field', 'Presence', 'Description', 'Example'], rows };
}

/** Returns the table of the responses with status 200. */
export function outcomeTable(operation: Operation): Table {
  const rows = new Map<string, Row>();
  const examples = examplesOf(operation, '200');
  const hasOutcome = examples.some(([, example]) => example['x-outcome'] !== undefined);
  for (const [name, { summary, description, value, 'x-outcome': outcome }] of examples) {
    const body = shortBody(value);
    // Several examples can have the same body; the first one is the plainest case.
    if (rows.has(body + outcome)) continue;
    const cells = [`**${summary}**`, code(body), description];
    if (hasOutcome) cells.splice(2, 0, outcome === undefined ? '' : code(outcome));
    rows.set(body + outcome, { id: `${operation.operationId}-outcome-${name}`, cells });
  }
  const headings = ['Outcome', 'Body', 'Meaning'];
  if (hasOutcome) headings.splice(2, 0, '`Lead-Outcome`');
  return { headings, rows: [...rows.values()] };
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
  for (const operation of operations) {
    for (const [name, example] of examplesOf(operation, '400')) {
      const messages = messagesOf(example);
      const key = JSON.stringify([example.summary, messages, example.description]);
      if (rows.has(key)) continue;
      const cells = [
        `**${example.summary}**`,
        messages.map(({ field, message }) => `${code(field)}: ${quoted(message)}`).join('<br>'),
        example.description,
      ];
      const isTaken = [...rows.values()].some(({ id }) => id === `error-400-${name}`);
      rows.set(key, { id: `error-400-${name}${isTaken ? `-${operation.operationId}` : ''}`, cells });
    }
  }
  return { headings: ['Problem', 'Field and message', 'Cause and fix'], rows: [...rows.values()] };
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
        const cause = causes.get(status + message) ?? {
          row: { id, cells: [`**${status}**`, message] },
          sentences: new Set(),
        };
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

/** The body of an outcome, without the times of a lead. */
function shortBody(value: Record<string, unknown>): string {
  return 'state' in value ? `{ "found": true, "state": "${value['state']}", … }` : json(value);
}

function errorText(value: Record<string, unknown>): string {
  return Object.keys(value).join() === 'error' ? String(value['error']) : code(json(value));
}

/** The first sentence of a field's description. The reference has the rest. */
function summaryOf(field: string, description: string | undefined): string {
  if (description === undefined) throw new Error(`The field ${field} has no description in openapi.yaml.`);
  return /^.*?[.](?= |$)/.exec(description)?.[0] ?? description;
}

function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** A message as Markdown, in which backquotes stay visible. */
function quoted(message: string): string {
  return code(message);
}
