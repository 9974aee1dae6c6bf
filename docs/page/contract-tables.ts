/** A response example, as far as the tables show it. */
interface ResponseExample {
  summary: string;
  description: string;
  value: Record<string, unknown>;
}

interface Field {
  description?: string;
  maxLength?: number;
}

/** An operation of the dereferenced contract, as far as the page reads it. */
export interface DocumentedOperation {
  operationId: string;
  requestBody: {
    content: {
      'application/json': {
        schema: { required: string[]; properties: Record<string, Field> };
        examples: Record<string, { value: Record<string, unknown> }>;
      };
    };
  };
  responses: Record<
    string,
    { content: { 'application/json': { examples: Record<string, ResponseExample> } } }
  >;
}

/**
 * Replaces the table comments of the guide with tables generated from the contract:
 *
 * - `<!-- fields: addLead -->`: the fields of the request
 * - `<!-- outcomes: addLead -->`: the bodies of responses with status 200
 * - `<!-- outcomes: leadStatus by state -->`: the values of one member of these bodies
 * - `<!-- errors -->`: the errors of all operations, except validation errors
 *
 * @throws if a comment names an operation that does not exist, or a field has no description
 */
export function withTables(guide: string, operations: readonly DocumentedOperation[]): string {
  const named = (id: string) => {
    const operation = operations.find(({ operationId }) => operationId === id);
    if (operation === undefined)
      throw new Error(`The guide names the operation ${id}, which does not exist.`);
    return operation;
  };
  return guide
    .replace(/^<!-- fields: (\w+) -->$/gm, (_comment, id: string) => fieldTable(named(id)))
    .replace(/^<!-- outcomes: (\w+)(?: by (\w+))? -->$/gm, (_comment, id: string, member?: string) =>
      outcomeTable(named(id), member),
    )
    .replace(/^<!-- errors -->$/gm, () => errorTable(operations));
}

function fieldTable(operation: DocumentedOperation): string {
  const { required, properties } = operation.requestBody.content['application/json'].schema;
  const rows = Object.entries(properties).map(([name, { description, maxLength }]) => [
    code(name),
    required.includes(name) ? 'required' : 'optional',
    summaryOf(name, description) + (maxLength === undefined ? '' : ` Up to ${maxLength} characters.`),
  ]);
  return table(['Field', '', 'Description'], rows);
}

function outcomeTable(operation: DocumentedOperation, member: string | undefined): string {
  const rows = new Map<string, string[]>();
  for (const { summary, description, value } of examplesOf(operation, '200')) {
    if (member !== undefined && !(member in value)) continue;
    const body = member === undefined ? json(value) : String(value[member]);
    // Several examples can have the same body; the first one is the plainest case.
    if (!rows.has(body))
      rows.set(body, [code(body), member === undefined ? `${summary}. ${description}` : description]);
  }
  return table([member === undefined ? 'Body' : 'State', 'Meaning'], [...rows.values()]);
}

function errorTable(operations: readonly DocumentedOperation[]): string {
  const causes = new Map<string, Set<string>>();
  const statuses = new Set(operations.flatMap(({ responses }) => Object.keys(responses)));
  for (const status of [...statuses].toSorted()) {
    if (status === '200' || status === '400') continue;
    for (const { summary, description, value } of operations.flatMap((each) => examplesOf(each, status))) {
      const isPlain = Object.keys(value).join() === 'error';
      const key = `${status} | ${isPlain ? value['error'] : code(json(value))}`;
      causes.set(key, (causes.get(key) ?? new Set()).add(`**${summary}.** ${description}`));
    }
  }
  const rows = [...causes].map(([key, sentences]) => [key, [...sentences].join(' ')]);
  return table(['Status', 'Error', 'Cause and fix'], rows);
}

function examplesOf(operation: DocumentedOperation, status: string): ResponseExample[] {
  return Object.values(operation.responses[status]?.content['application/json'].examples ?? {});
}

/** The first sentence of a field's description. The reference below the guide has the rest. */
function summaryOf(field: string, description: string | undefined): string {
  if (description === undefined) throw new Error(`The field ${field} has no description in openapi.yaml.`);
  return /^.*?[.](?= |$)/.exec(description)?.[0] ?? description;
}

/** JSON with a space after each bracket, colon and comma, so that long bodies can wrap. */
function json(value: Record<string, unknown>): string {
  const members = Object.entries(value).map(([name, member]) => `"${name}": ${JSON.stringify(member)}`);
  return `{ ${members.join(', ')} }`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(headings: string[], rows: string[][]): string {
  return [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
