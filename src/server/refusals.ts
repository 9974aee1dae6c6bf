import type { ContractOperation } from '../contract/contract.ts';
import { requestError } from '../contract/messages.ts';
import { validationFailed } from '../contract/refusals.ts';
import { type OperationId, Reply } from '../contract/reply.ts';

const reply = Reply.of<OperationId>();

/** Time after which a client may retry (s). */
const retryAfter = 1;

/** 400: the bytes are not a valid HTTP request. */
export const notHttp = validationFailed(requestError('Request is not valid HTTP.'));

/** 400: the request has no Host header, or several. */
export const invalidHost = validationFailed(requestError('Request must include exactly one Host header.'));

/** 400: the client closed the connection before the body was complete. Only the log shows this reply. */
export const incompleteRequest = validationFailed(
  requestError('Request ended before its body was complete.'),
);

/**
 * 401: the key is missing, unknown, revoked or expired, or its partner is suspended or deleted, or two keys differ. The
 * response does not reveal which.
 */
export const unauthorized = reply(
  401,
  'unauthorized',
  { error: 'The API key is missing, unknown or revoked.' },
  { 'WWW-Authenticate': 'Bearer' },
);

/** 404: no resource exists at the path. */
export const notFound = reply(404, 'path-not-found', { error: 'No resource exists at this path.' });

/** 405: the path does not support the method. RFC 9110, section 15.5.6, requires `Allow`. */
export function methodNotAllowed(methods: readonly string[]): Reply {
  const allow = methods.join(', ');
  return reply(405, 'method-not-allowed', { error: `This path supports only ${allow}.` }, { Allow: allow });
}

/** 408: the request did not arrive in time. */
export const requestTimeout = reply(408, 'request-timeout', { error: 'The request did not arrive in time.' });

/**
 * 413: the request has more rows than the rate limit of the key ever allows at once.
 *
 * @param burst maximum number of rows
 */
export function tooManyRows(rows: number, burst: number): Reply {
  const error = `The request has ${rows} rows. The rate limit of this key allows up to ${burst} at once.`;
  return reply(413, 'too-many-rows', { error });
}

/** 415: the body is compressed, or has another media type than the operation accepts. */
export function unsupportedMediaType(operation: ContractOperation): Reply {
  const types = operation.mediaTypes.join(' or ');
  return reply(415, 'unsupported-media-type', {
    error: `The request body must be uncompressed and of type ${types}.`,
  });
}

/** 429: too many requests of one key are in flight. */
export const tooManyInFlight = reply(
  429,
  'too-many-in-flight',
  { error: 'Too many requests with this key are in flight.' },
  { 'Retry-After': retryAfter },
);

/** 429: a key exceeds its rate limit. @param seconds until the next request is allowed */
export function rateLimited(seconds: number): Reply {
  const error = 'The rate limit of this key is exceeded.';
  return reply(429, 'rate-limited', { error }, { 'Retry-After': seconds });
}

/** 429: too many requests without a valid key from one address. @param seconds until the next attempt is allowed */
export function tooManyAuthFailures(seconds: number): Reply {
  const error = 'Too many requests without a valid key from this address.';
  return reply(429, 'too-many-invalid-keys', { error }, { 'Retry-After': seconds });
}

/** 429: too many requests of one address are in flight. */
export const tooManyFromAddress = reply(
  429,
  'too-many-from-address',
  { error: 'Too many requests from this address are in flight.' },
  { 'Retry-After': retryAfter },
);

/** 431: the URL and the headers are larger, or the headers more numerous, than the server accepts. */
export const headersTooLarge = reply(431, 'headers-too-large', {
  error: 'The URL and headers of the request are too large.',
});

/** 501: a method that the server does not implement for any resource, such as CONNECT (RFC 9110, section 9.1). */
export const unknownMethod = reply(501, 'method-not-implemented', {
  error: 'The server does not implement this method.',
});

/** 501: a transfer coding other than chunked (RFC 9112, section 6.1). */
export const unknownTransferCoding = reply(501, 'transfer-coding-not-implemented', {
  error: 'The server does not implement this transfer coding. Use chunked only, or none.',
});

/** 503: the store does not accept the request, or its outcome is unknown. */
export const unavailable = reply(
  503,
  'unavailable',
  { error: 'The server could not complete this request. Retry later.' },
  { 'Retry-After': retryAfter },
);

/** 505: an HTTP version other than 1.0 and 1.1 (RFC 9110, section 15.6.6). */
export const unsupportedVersion = reply(505, 'version-not-supported', {
  error: 'The server supports HTTP/1.1 and HTTP/1.0.',
});
