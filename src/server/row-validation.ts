import { bodySchema, type Contract } from '../contract/contract.ts';
import type { OperationId } from '../contract/reply.ts';
import { rowReaders } from '../contract/rows.ts';
import { validators } from '../contract/validation.ts';
import type { PhoneParsers } from '../leads/phone.ts';
import type { RowValidation } from '../operations/add-leads.ts';
import type { Endpoint } from './request-pipeline.ts';
import type { RequiredConsent } from './required-consent.ts';

/** An operation of the contract with its rules. */
export type ContractEndpoint = Pick<Endpoint, 'operation' | 'validate' | 'fields'>;

/** Returns the operations of the contract with their rules. */
export function contractEndpoints(contract: Contract, phones: PhoneParsers): ContractEndpoint[] {
  const validatorFor = validators(contract, phones);
  return contract.operations.map((operation) => ({
    operation,
    validate: validatorFor(operation),
    fields: new Set(Object.keys(bodySchema(contract.document, operation).properties)),
  }));
}

/** Returns the operation with an id. @throws {Error} if the contract has none */
export function endpointOf(id: OperationId, endpoints: readonly ContractEndpoint[]): ContractEndpoint {
  const endpoint = endpoints.find(({ operation }) => operation.id === id);
  if (endpoint === undefined) throw new Error(`openapi.yaml has no operation ${id}.`);
  return endpoint;
}

/** Returns how the rows of `addLeads` are validated: as `addLead` validates its requests. */
export function rowValidation(
  endpoints: readonly ContractEndpoint[],
  requiredConsent: Pick<RequiredConsent, 'fieldsOf'>,
  onInvalid: RowValidation['onInvalid'],
): RowValidation {
  const { operation, validate } = endpointOf('addLead', endpoints);
  const { operation: bulk } = endpointOf('addLeads', endpoints);
  return {
    newReader: rowReaders(bulk, operation, validate),
    requiredFields: (partnerId, row) => requiredConsent.fieldsOf(partnerId, row),
    onInvalid,
  };
}
