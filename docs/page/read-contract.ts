/** Reads the contract for the page: what partners may read, and the request of each response example. */
import { readFileSync } from 'node:fs';
import { type Contract, examplesOf, operationsOf } from './contract.ts';

const generated = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../generated/${file}`, import.meta.url), 'utf8'));

/**
 * Returns the contract for partners (generated/partners.json) without references. Of the internal contract, the page
 * shows only the requests that cause its response examples (`x-request`).
 *
 * @throws if a reference leads nowhere
 */
export function readContract(): Contract {
  const partners = generated('partners.json');
  // The casts: `redocly bundle` has checked both documents, and the tests of the page read all that it uses.
  const contract = dereferenced(partners, partners) as Contract;
  const internal = operationsOf(generated('openapi.json') as Contract);
  for (const operation of operationsOf(contract)) {
    const original = internal.find(({ operationId }) => operationId === operation.operationId);
    for (const status of Object.keys(operation.responses)) {
      const requests = new Map(original === undefined ? [] : examplesOf(original, status));
      for (const [name, example] of examplesOf(operation, status)) {
        const request = requests.get(name)?.['x-request'];
        if (request !== undefined) example['x-request'] = request;
      }
    }
  }
  return contract;
}

/** Returns a copy of a part of a document in which each reference is replaced by what it leads to. */
function dereferenced(part: unknown, document: object): unknown {
  if (Array.isArray(part)) return part.map((member) => dereferenced(member, document));
  if (typeof part !== 'object' || part === null) return part;
  if ('$ref' in part) return dereferenced(targetOf(String(part.$ref), document), document);
  return Object.fromEntries(
    Object.entries(part).map(([name, member]) => [name, dereferenced(member, document)]),
  );
}

function targetOf(reference: string, document: object): unknown {
  const names = reference.split('/').slice(1);
  let target: unknown = document;
  for (const name of names) target = Object(target)[name.replaceAll('~1', '/').replaceAll('~0', '~')];
  if (target === undefined)
    throw new Error(`The reference ${reference} leads nowhere: run \`npm run generate\`.`);
  return target;
}
