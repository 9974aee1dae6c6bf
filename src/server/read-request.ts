import type { IncomingMessage } from 'node:http';
import type { ContractOperation } from '../contract/document.ts';
import { readJson } from '../contract/json.ts';
import type { Reply } from '../contract/reply.ts';
import type { NotCallable, Validate } from '../contract/validation.ts';
import { readBody } from './body.ts';
import { headersToValidate } from './idempotency.ts';
import { isSupportedMediaType } from './media-type.ts';
import { contentTooLarge, incompleteRequest, unsupportedMediaType, validationFailed } from './refusals.ts';

/** The body of a valid request, as text and normalised, or the refusal of an invalid one. */
export type RequestContent =
  | { text: string; body: object }
  | { refusal: Reply; notCallable?: readonly NotCallable[] };

/** Reads, parses and validates the body and the parameters of a request, in the order in which they are refused. */
export async function readRequest(
  { incoming, query }: { incoming: IncomingMessage; query: Record<string, string[]> },
  operation: ContractOperation,
  validate: Validate,
): Promise<RequestContent> {
  const { headers } = incoming;
  if (!isSupportedMediaType(operation, headers['content-type'], headers['content-encoding'])) {
    return { refusal: unsupportedMediaType(operation) };
  }
  const bytes = await readBody(incoming, operation.maxBytes);
  if (bytes === 'too-large') return { refusal: contentTooLarge(operation) };
  if (bytes === 'incomplete') return { refusal: incompleteRequest };

  const json = readJson(bytes);
  if ('errors' in json) return { refusal: validationFailed(json.errors) };

  const result = validate({ query, headers: headersToValidate(incoming), body: json.value });
  if ('errors' in result) {
    return { refusal: validationFailed(result.errors), notCallable: result.notCallable };
  }
  return { text: json.text, body: result.body };
}
