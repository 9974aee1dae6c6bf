import type { Contract, ContractOperation } from '../contract/document.ts';

interface DocumentedOperation {
  responses: Record<string, { content: Record<string, { examples: Record<string, { summary: string }> }> }>;
  requestBody: { content: Record<string, { examples: Record<string, { value: object }> }> };
}

/** Returns what the mock prints at its start: every response that it can produce, and how to request one. */
export function outcomesText(contract: Contract, url: string): string {
  const lines = [
    `The mock server listens on ${url}. It accepts any key and stores nothing.`,
    'Valid requests return the first response below. To receive another one, send its status and name.',
  ];
  for (const operation of contract.operations) lines.push('', ...responsesOf(operation, contract));
  const [first] = contract.operations;
  if (first !== undefined) lines.push('', ...commands(first, contract, url));
  return `${lines.join('\n')}\n`;
}

function responsesOf(operation: ContractOperation, contract: Contract): string[] {
  const lines = [`${operation.method} ${operation.path}`];
  for (const [status, { content }] of Object.entries(documentedOperation(operation, contract).responses)) {
    for (const [key, { summary }] of Object.entries(content['application/json']?.examples ?? {})) {
      lines.push(`  ${status}  ${key.padEnd(25)}${summary}`);
    }
  }
  return lines;
}

function commands(operation: ContractOperation, contract: Contract, url: string): string[] {
  const examples =
    documentedOperation(operation, contract).requestBody.content['application/json']?.examples ?? {};
  const body = JSON.stringify(Object.values(examples)[0]?.value);
  const rest = `-H 'Content-Type: application/json' -d '${body}'`;
  const target = `${url}${operation.path}?key=any`;
  return [
    'With a header:',
    `  curl '${target}' -H 'Prefer: code=200, example=existing-contact' ${rest}`,
    'With the URL:',
    `  curl '${target}&__code=200&__example=existing-contact' ${rest}`,
  ];
}

function documentedOperation(operation: ContractOperation, contract: Contract): DocumentedOperation {
  // The cast: the contract's tests check that every operation has this shape.
  return contract.document.paths?.[operation.path]?.[
    operation.method.toLowerCase() as 'post'
  ] as unknown as DocumentedOperation;
}
