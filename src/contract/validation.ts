import { OpenAPIValidator, type Operation } from 'openapi-backend';
import type { ReadPhone } from '../leads/phone.ts';
import { bodySchema, type Contract, type ContractOperation } from './document.ts';
import { type Failures, failuresFrom, notAnObject } from './messages.ts';
import { plainBody } from './plain.ts';
import { contractAjv } from './vocabulary.ts';

/** A request that keeps the contract, or what is wrong with it. */
export type Validated = { body: object } | { failures: Failures };

/** What is checked of a request. */
export interface SentRequest {
  query: Record<string, string[]>;
  /** By their names in lower case. */
  headers: NodeJS.Dict<string | string[]>;
  body: unknown;
}

/** Checks a request against one operation of the contract. */
export type Validate = (sent: SentRequest) => Validated;

/** Makes the check of each operation. The rules are openapi.yaml's; openapi-backend applies them. */
export function validators(
  contract: Contract,
  readPhone: ReadPhone,
): (operation: ContractOperation) => Validate {
  const ajv = contractAjv(readPhone);
  const validator = new OpenAPIValidator({
    definition: contract.document,
    customizeAjv: () => ajv,
    lazyCompileValidators: true,
  });
  validator.preCompileRequestValidators();

  return (operation) => {
    const schema = bodySchema(contract.document, operation);
    const plain = plainBody(schema);
    const known = validator.router.getOperation(operation.id);
    if (known === undefined) throw new Error(`openapi-backend does not find the operation ${operation.id}.`);
    return (sent) => {
      // openapi-backend would parse a string a second time, so no JSON string may come to it.
      if (typeof sent.body !== 'object' || sent.body === null) return { failures: notAnObject };
      const body = plain(sent.body);
      const request = requestOf(operation, sent, body);
      const { errors } = validator.validateRequest(request, known as Operation);
      return errors ? { failures: failuresFrom(errors, schema) } : { body };
    };
  };
}

const jsonHeaders = { 'content-type': 'application/json' };

function requestOf(operation: ContractOperation, { query, headers }: SentRequest, body: object) {
  return {
    method: operation.method,
    path: operation.path,
    query,
    headers: knownHeaders(operation, headers),
    body,
  };
}

/** Only the headers that the contract speaks of, so that the others cost nothing. */
function knownHeaders({ headers: known }: ContractOperation, sent: SentRequest['headers']) {
  let headers: Record<string, string | string[]> = jsonHeaders;
  for (const name of known) {
    const value = sent[name];
    if (value !== undefined) headers = { ...headers, [name]: value };
  }
  return headers;
}
