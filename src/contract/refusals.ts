import { formatTime } from '../text/time.ts';
import type { ContractOperation } from './contract.ts';
import type { ValidationErrors } from './messages.ts';
import { type OperationId, Reply } from './reply.ts';

const reply = Reply.of<OperationId>();

/** 400: the request is invalid. */
export function validationFailed(errors: ValidationErrors): Reply {
  return reply(400, 'validation-failed', errors);
}

/** 400: the lead expires before calling hours permit its call. @param opensAt when they do (ms since 1970) */
export function expiresBeforeOpening(opensAt: number): Reply {
  const message = `Expires At is before the person may be called (${formatTime(opensAt)}).`;
  return validationFailed({ expires_at: { 0: message } });
}

/** 413: the body is larger than the operation allows. */
export function contentTooLarge({ maxBytes }: Pick<ContractOperation, 'maxBytes'>): Reply {
  return reply(413, 'content-too-large', { error: `The request body is larger than ${maxBytes} bytes.` });
}
