import type { ContractOperation } from '../contract/document.ts';
import { type Failures, requestFailure } from '../contract/messages.ts';
import { type OperationId, Reply } from '../contract/reply.ts';

const reply = Reply.of<OperationId>();

/** How many seconds a partner should wait when there is too much to do. */
const retryAfter = 1;

/** 400: what is wrong with a request that can be mended. */
export function validationFailed(failures: Failures): Reply {
  return reply(400, 'validation-failed', failures);
}

/** 401: no key, an unknown one, a revoked one, or two that differ; nobody is told which. */
export const unauthorized = reply(
  401,
  'unauthorized',
  { error: 'The key is missing, unknown or revoked.' },
  { 'WWW-Authenticate': 'Bearer' },
);

/** 404. */
export const notFound = reply(404, 'path-not-found', { error: 'There is nothing at this address.' });

/** 405. `Allow` must name what is allowed (RFC 9110, section 15.5.6). */
export function methodNotAllowed(methods: readonly string[]): Reply {
  const allow = methods.join(', ');
  return reply(405, 'method-not-allowed', { error: `This address takes only ${allow}.` }, { Allow: allow });
}

/** 408: the request did not arrive in time. */
export const tooSlow = reply(408, 'request-timeout', { error: 'The request did not arrive in time.' });

/** 413. */
export function contentTooLarge(operation: ContractOperation): Reply {
  return reply(413, 'content-too-large', {
    error: `The request body is larger than ${operation.maxBytes} bytes.`,
  });
}

/** 415. */
export function unsupportedMediaType(operation: ContractOperation): Reply {
  const types = operation.mediaTypes.join(' or ');
  return reply(415, 'unsupported-media-type', {
    error: `The request body must be sent as ${types}, and not compressed.`,
  });
}

/** 429: too many requests of one key are under way. */
export const tooManyRequests = reply(
  429,
  'too-many-in-flight',
  { error: 'Too many requests with this key are under way.' },
  { 'Retry-After': retryAfter },
);

/** 429: too many requests of one key in a short time. @param wait in seconds */
export function rateLimited(wait: number): Reply {
  const error = 'Too many requests with this key in a short time.';
  return reply(429, 'rate-limited', { error }, { 'Retry-After': wait });
}

/** 429: too many requests without a good key from one address. @param wait in seconds */
export function tooManyAuthFailures(wait: number): Reply {
  const error = 'Too many requests without a good key from this address.';
  return reply(429, 'too-many-invalid-keys', { error }, { 'Retry-After': wait });
}

/** 429: too many requests of one address are in flight. */
export const tooManyFromAddress = reply(
  429,
  'too-many-from-address',
  { error: 'Too many requests from this address are in flight.' },
  { 'Retry-After': retryAfter },
);

/** 431. */
export const headersTooLarge = reply(431, 'headers-too-large', {
  error: 'The address and headers of the request are too large.',
});

/** 501 for a method that no resource of any server here has, such as CONNECT (RFC 9110, section 9.1). */
export const unknownMethod = reply(501, 'method-not-implemented', {
  error: 'The server does not implement this method.',
});

/** 501 for a body in a transfer coding that the server cannot undo (RFC 9112, section 6.1). */
export const unknownTransferCoding = reply(501, 'transfer-coding-not-implemented', {
  error: 'The server does not implement this transfer coding. Send the body plain, or only chunked.',
});

/** 505 (RFC 9110, section 15.6.6). */
export const unsupportedVersion = reply(505, 'version-not-supported', {
  error: 'The server supports HTTP/1.1 and HTTP/1.0.',
});

/** 503: more is waiting than the server can hold. */
export const unavailable = reply(
  503,
  'unavailable',
  { error: 'The server is too busy to take this request.' },
  { 'Retry-After': retryAfter },
);

/** 400 for what cannot be read as a request at all. */
export const notHttp = validationFailed(requestFailure('Request is not valid HTTP.'));

/** 400 for a request that does not name its host, or names several. */
export const wrongHost = validationFailed(requestFailure('Request must include exactly one Host header.'));

/** 400 for a request whose sender went away; nobody is left to read it. */
export const incompleteRequest = validationFailed(
  requestFailure('Request ended before its body was complete.'),
);
