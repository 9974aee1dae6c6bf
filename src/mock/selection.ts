import type { ResponseExample } from './examples.ts';

/** The response that a client asks for. Undefined: the client leaves the status or the name to the mock. */
export interface Selection {
  status: string | undefined;
  name: string | undefined;
}

const statusParameter = '__code';
const nameParameter = '__example';

/**
 * Reads the selection from the parameters of the URL, otherwise from the header `Prefer` (RFC 7240), such as
 * `code=200, example=existing-contact`. Other preferences are ignored, as the RFC requires.
 */
export function readSelection(query: Record<string, string[]>, prefer = ''): Selection {
  return {
    status: query[statusParameter]?.[0] ?? /(?:^|[,;])\s*code\s*=\s*"?([^",;\s]*)/i.exec(prefer)?.[1],
    name: query[nameParameter]?.[0] ?? /(?:^|[,;])\s*example\s*=\s*"?([^",;\s]*)/i.exec(prefer)?.[1],
  };
}

/** Returns a query without the parameters that only the mock has. */
export function withoutSelection({
  [statusParameter]: _status,
  [nameParameter]: _name,
  ...query
}: Record<string, string[]>): Record<string, string[]> {
  return query;
}

/** Returns whether a client has selected a response, by its status or name. */
export function isSelected({ status, name }: Selection): boolean {
  return status !== undefined || name !== undefined;
}

/** Returns the selected example; undefined: there is none. */
export function select(
  examples: readonly ResponseExample[],
  { status, name }: Selection,
): ResponseExample | undefined {
  return examples.find(
    (example) =>
      (status === undefined || example.status === status) && (name === undefined || example.name === name),
  );
}
