import type { Contract, ContractOperation } from '../contract/contract.ts';
import { requestBody, responseExamples } from './examples.ts';

/** Returns the text that the mock prints when it starts: all its responses, and how to request one. */
export function outcomesText(contract: Contract, url: string): string {
  const lines = [
    `The mock server listens on ${url}. It accepts any key and`,
    'stores nothing: responses do not depend on earlier requests. For the real server',
    'with an in-memory store, run `npm run sandbox`. The documentation is at',
    `${url}/docs.`,
    '',
    'A valid request returns the first response of its path. To receive another one,',
    'send its status and name, in a header or in the URL.',
  ];
  for (const operation of contract.operations) lines.push('', ...responseLines(operation, contract));
  const [first] = contract.operations;
  if (first !== undefined) lines.push('', ...commandLines(first, contract, url));
  return `${lines.join('\n')}\n`;
}

function responseLines(operation: ContractOperation, contract: Contract): string[] {
  const rows = responseExamples(contract, operation);
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(({ status, name, summary }) => `  ${status}  ${name.padEnd(width)}  ${summary}`);
  return [`${operation.method} ${operation.path}`, ...lines];
}

function commandLines(operation: ContractOperation, contract: Contract, url: string): string[] {
  const rest = `-H 'Content-Type: application/json' -d '${requestBody(contract, operation)}'`;
  const target = `${url}${operation.path}?key=any`;
  return [
    'With a header:',
    `  curl '${target}' -H 'Prefer: code=200, example=existing-contact' ${rest}`,
    'With the URL:',
    `  curl '${target}&__code=200&__example=existing-contact' ${rest}`,
  ];
}
