import type { ContractOperation } from './contract.ts';
import type { ValidationErrors } from './messages.ts';
import { type OperationId, Reply } from './reply.ts';

const reply = Reply.of<OperationId>();

/** 400: the request is invalid. */
export function validationFailed(errors: ValidationErrors): Reply {
  return reply(400, 'validation-failed', errors);
}

/** 413: the body is larger than the operation allows. */
export function contentTooLarge({ maxBytes }: Pick<ContractOperation, 'maxBytes'>): Reply {
  return reply(413, 'content-too-large', { error: `The request body is larger than ${maxBytes} bytes.` });
}
