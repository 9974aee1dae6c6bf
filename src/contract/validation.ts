import type { ErrorObject } from 'ajv';
import { OpenAPIValidator } from 'openapi-backend';
import type { PhoneParsers } from '../leads/phone.ts';
import { bodySchema, type Contract, type ContractOperation } from './contract.ts';
import { notAnObject, type ValidationErrors, validationErrorsFrom } from './messages.ts';
import { bodyNormaliser } from './normalise.ts';
import { callableKeyword, contractAjv } from './vocabulary.ts';

/** The normalised body of a valid request, or its validation errors. */
export type ValidationResult = { body: object } | { errors: ValidationErrors; notCallable: NotCallable[] };

/** A valid phone number that the deployment does not call. Its partner only learns that it is not valid. */
export interface NotCallable {
  field: string;
  /** Why it is not called, for the operator's log; contains no part of the number. */
  reason: string;
}

/** The parts of a request that the contract restricts. */
export interface UnvalidatedRequest {
  query: Record<string, string[]>;
  /** By lower-case name. */
  headers: NodeJS.Dict<string | string[]>;
  body: unknown;
  /** Optional fields that this request cannot leave blank. Default: none. */
  requiredToo?: readonly string[];
}

/** Validates a request against one operation of the contract. */
export type Validate = (request: UnvalidatedRequest) => ValidationResult;

/** Returns a factory of validators. The rules are those of openapi.yaml; openapi-backend applies them. */
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
    const normalise = bodyNormaliser(schema);
    return (request) => {
      if (typeof request.body !== 'object' || request.body === null)
        return { errors: notAnObject, notCallable: [] };
      const body = normalise(request.body);
      const { requiredToo = none } = request;
      const found = applyRules(validator, operation, ruleInput(operation, request, body));
      if (requiredToo.length > 0) found.push(...missingFields(body, requiredToo));
      if (found.length === 0) return { body };
      const strictSchema = { ...schema, required: [...schema.required, ...requiredToo] };
      return {
        errors: validationErrorsFrom(found, strictSchema),
        notCallable: findNotCallable(found, phones),
      };
    };
  };
}

/** Applies the rules of an operation. They are compiled at its first request, so that the server starts faster. */
function applyRules(validator: OpenAPIValidator, { id }: ContractOperation, input: object): ErrorObject[] {
  const rules = validator.getRequestValidatorsForOperation(id);
  if (!rules?.length) throw new Error(`openapi-backend has no rules for the operation ${id}.`);
  const errors: ErrorObject[] = [];
  for (const rule of rules) if (!rule(input)) errors.push(...(rule.errors ?? []));
  return errors;
}

/** Returns the errors about fields that a normalised body does not have, as Ajv's keyword `required` reports them. */
function missingFields(body: object, required: readonly string[]): ErrorObject[] {
  return required
    .filter((name) => !(name in body))
    .map((name) => ({
      keyword: 'required',
      instancePath: '/requestBody',
      schemaPath: '',
      params: { missingProperty: name },
    }));
}

function findNotCallable(errors: readonly ErrorObject[], { reasonNotCallable }: PhoneParsers): NotCallable[] {
  const found: NotCallable[] = [];
  for (const { keyword, data, instancePath } of errors) {
    if (keyword !== callableKeyword) continue;
    const reason = reasonNotCallable(String(data));
    if (reason !== undefined)
      found.push({ field: instancePath.slice(instancePath.lastIndexOf('/') + 1), reason });
  }
  return found;
}

const empty = {};

const none: readonly string[] = [];

/**
 * Returns a request as openapi-backend's compiled rules expect it. Its own `validateRequest` would also match the path,
 * copy the query and parse cookies, which takes longer than the rules.
 */
function ruleInput(
  operation: ContractOperation,
  { query, headers }: UnvalidatedRequest,
  requestBody: object,
) {
  return { path: empty, query, header: documentedHeaders(operation, headers), cookie: empty, requestBody };
}

function documentedHeaders(
  { headers: documented }: ContractOperation,
  received: UnvalidatedRequest['headers'],
) {
  let headers: Record<string, string | string[]> = empty;
  for (const name of documented) {
    const value = received[name];
    if (value !== undefined) headers = { ...headers, [name]: value };
  }
  return headers;
}
