import type { IncomingMessage } from 'node:http';
import type { ContractOperation } from '../contract/contract.ts';
import { readJson } from '../contract/json.ts';
import { notAnObject } from '../contract/messages.ts';
import { contentTooLarge, validationFailed } from '../contract/refusals.ts';
import type { Reply } from '../contract/reply.ts';
import type { NotCallable, Validate } from '../contract/validation.ts';
import { readBody } from './body.ts';
import { headersToValidate } from './idempotency.ts';
import { isSupportedMediaType } from './media-type.ts';
import { incompleteRequest, unsupportedMediaType } from './refusals.ts';

/** The body of a valid request, as text and normalised, or the refusal of an invalid one. */
export type RequestContent =
  | { text: string; body: object }
  | {
      refusal: Reply;
      notCallable?: readonly NotCallable[];
      /** Why no fields were read, without anything that the partner sent; undefined: they were, or need not be. */
      unreadReason?: string;
    };

const none: readonly string[] = [];

const notAnObjectReason = 'The body is not a JSON object.';

/**
 * Reads, parses and validates the body and the parameters of a request, in the order in which they are refused.
 *
 * @param requiredIn returns the optional fields that a request with this body must contain
 */
export async function readRequest(
  { incoming, query }: { incoming: IncomingMessage; query: Record<string, string[]> },
  operation: ContractOperation,
  validate: Validate,
  requiredIn: (body: unknown) => readonly string[] | Promise<readonly string[]> = () => none,
): Promise<RequestContent> {
  const { headers } = incoming;
  if (!isSupportedMediaType(operation, headers['content-type'], headers['content-encoding'])) {
    return { refusal: unsupportedMediaType(operation) };
  }
  const body = readBody(incoming, operation.maxBytes);
  // Most are there already, and every `await` costs time.
  const bytes = body instanceof Promise ? await body : body;
  if (bytes === 'too-large') return { refusal: contentTooLarge(operation) };
  if (bytes === 'incomplete') {
    return { refusal: incompleteRequest, unreadReason: 'The request ended before its body was complete.' };
  }

  const json = readJson(bytes);
  if ('errors' in json) {
    return { refusal: validationFailed(json.errors), unreadReason: notAnObjectReason };
  }

  const required = requiredIn(json.value);
  const requiredToo = required instanceof Promise ? await required : required;
  const result = validate({ query, headers: headersToValidate(incoming), body: json.value, requiredToo });
  if ('errors' in result) {
    if (result.errors === notAnObject) {
      return { refusal: validationFailed(notAnObject), unreadReason: notAnObjectReason };
    }
    return { refusal: validationFailed(result.errors), notCallable: result.notCallable };
  }
  return { text: json.text, body: result.body };
}
