import type { ErrorObject } from 'ajv';
import { OpenAPIValidator } from 'openapi-backend';
import type { PhoneParsers } from '../leads/phone.ts';
import { bodySchema, type Contract, type ContractOperation } from './document.ts';
import { type Failures, failuresFrom, notAnObject } from './messages.ts';
import { normaliseBody } from './normalise.ts';
import { callable, contractAjv } from './vocabulary.ts';

/** A request that keeps the contract, or what is wrong with it. */
export type Validated = { body: object } | { failures: Failures; notCallable: NotCallable[] };

/** A valid phone number that the deployment does not call. Its partner is only told that it is not valid. */
export interface NotCallable {
  field: string;
  /** Why, for the operator's log, with nothing of the number in it. */
  reason: string;
}

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
  phones: PhoneParsers,
): (operation: ContractOperation) => Validate {
  const ajv = contractAjv(phones);
  const validator = new OpenAPIValidator({
    definition: contract.document,
    customizeAjv: () => ajv,
    lazyCompileValidators: true,
  });

  return (operation) => {
    const schema = bodySchema(contract.document, operation);
    const plain = normaliseBody(schema);
    return (sent) => {
      if (typeof sent.body !== 'object' || sent.body === null)
        return { failures: notAnObject, notCallable: [] };
      const body = plain(sent.body);
      const request = requestOf(operation, sent, body);
      const errors: ErrorObject[] = [];
      // Compiled with the first request of the operation: that takes a tenth of a start.
      const rules = validator.getRequestValidatorsForOperation(operation.id);
      if (!rules?.length) throw new Error(`openapi-backend has no rules for the operation ${operation.id}.`);
      for (const rule of rules) if (!rule(request)) errors.push(...(rule.errors ?? []));
      if (errors.length === 0) return { body };
      return { failures: failuresFrom(errors, schema), notCallable: numbersNotCallable(errors, phones) };
    };
  };
}

function numbersNotCallable(
  errors: readonly ErrorObject[],
  { reasonNotCallable }: PhoneParsers,
): NotCallable[] {
  const found: NotCallable[] = [];
  for (const { keyword, data, instancePath } of errors) {
    if (keyword !== callable) continue;
    const reason = reasonNotCallable(String(data));
    if (reason !== undefined)
      found.push({ field: instancePath.slice(instancePath.lastIndexOf('/') + 1), reason });
  }
  return found;
}

const none = {};

/**
 * A request in the form that openapi-backend makes its rules for. Its own `validateRequest` would first match the
 * path, copy the query and look for cookies, which took longer than the rules themselves.
 */
function requestOf(operation: ContractOperation, { query, headers }: SentRequest, requestBody: object) {
  return { path: none, query, header: knownHeaders(operation, headers), cookie: none, requestBody };
}

/** Only the headers that the contract speaks of, so that the others cost nothing. */
function knownHeaders({ headers: known }: ContractOperation, sent: SentRequest['headers']) {
  let headers: Record<string, string | string[]> = none;
  for (const name of known) {
    const value = sent[name];
    if (value !== undefined) headers = { ...headers, [name]: value };
  }
  return headers;
}
