import type { Contract, ContractOperation } from '../contract/document.ts';

interface Described {
  responses: Record<string, { content: Record<string, { examples: Record<string, { summary: string }> }> }>;
  requestBody: { content: Record<string, { examples: Record<string, { value: object }> }> };
}

/** What a person needs to know to get any outcome out of the mock, as lines for a terminal. */
export function outcomesText(contract: Contract, url: string): string {
  const lines = [
    `The mock listens on ${url}. Any key will do, and it keeps nothing.`,
    'Send a valid request and name the outcome that you want:',
  ];
  for (const operation of contract.operations) lines.push('', ...outcomesOf(operation, contract));
  const [first] = contract.operations;
  if (first !== undefined) lines.push('', ...howTo(first, contract, url));
  return `${lines.join('\n')}\n`;
}

function outcomesOf(operation: ContractOperation, contract: Contract): string[] {
  const lines = [`${operation.method} ${operation.path}`];
  for (const [status, { content }] of Object.entries(described(operation, contract).responses)) {
    for (const [key, { summary }] of Object.entries(content['application/json']?.examples ?? {})) {
      lines.push(`  ${status}  ${key.padEnd(25)}${summary}`);
    }
  }
  return lines;
}

function howTo(operation: ContractOperation, contract: Contract, url: string): string[] {
  const examples = described(operation, contract).requestBody.content['application/json']?.examples ?? {};
  const body = JSON.stringify(Object.values(examples)[0]?.value);
  const send = `-H 'Content-Type: application/json' -d '${body}'`;
  const address = `${url}${operation.path}?key=any`;
  return [
    'In a header:',
    `  curl '${address}' -H 'Prefer: code=200, example=existing-contact' ${send}`,
    'In the address:',
    `  curl '${address}&__code=200&__example=existing-contact' ${send}`,
  ];
}

function described(operation: ContractOperation, contract: Contract): Described {
  // The cast: the contract's lint and tests hold every operation to this shape.
  return contract.document.paths?.[operation.path]?.[
    operation.method.toLowerCase() as 'post'
  ] as unknown as Described;
}
