import type { LookupFunction } from 'node:net';
import type { Agent, buildConnector, Dispatcher } from 'undici';
import type { DeliveryResult, DiallerContext, WithdrawalResult } from '../dialler.ts';

/** Maximum delay that a dialler can request (ms). */
const maxRetryAfter = 3_600_000;

/**
 * Maximum size of a response body that is kept, or read if it is not needed (bytes). PHP can print 85 KB of warnings
 * before VICIdial's own lines.
 */
export const maxBodySize = 1_048_576;

/** Response of a dialler's server. Its body must be consumed, by `readText` or `discardBody`. */
export type DiallerResponse = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/** The response of a dialler's server, or the result of an attempt without a response. */
export type PostResult = { response: DiallerResponse } | { failure: DeliveryResult };

/** A request to a dialler's server. */
export interface PostRequest {
  /** By lower-case name, including `content-type`. */
  headers: Record<string, string>;
  body: string;
  /** Ends the attempt at any stage by closing its connection. */
  signal: AbortSignal;
}

/** Identifies this program in the log of a dialler's server. */
const userAgent = 'leads-api';

/** Sends a request to a dialler's server. Redirects are not followed. */
export type Post = (url: URL, request: PostRequest) => Promise<PostResult>;

/**
 * Creates the HTTP client of a dialler, with one connection for each lead in flight. Connecting may take half of an
 * attempt's time: if it fails by then, nothing was sent.
 *
 * `lookup` resolves names; by default, the system does. It calls undici directly because `fetch` takes more than twice
 * as long (`npm run bench:steps`). It loads undici with the first lead, so that a server that delivers no leads starts
 * faster.
 */
export function createPost({
  concurrency,
  timeout,
  lookup,
}: Pick<DiallerContext, 'concurrency' | 'timeout'> & { lookup?: LookupFunction }): Post {
  let client: Promise<{ request: typeof import('undici').request; dispatcher: Agent }> | undefined;
  /** Errors that occurred before anything was sent. */
  const unsentErrors = new WeakSet<Error>();

  async function load() {
    const { Agent, buildConnector, request } = await import('undici');
    const connectTo = buildConnector({ timeout: Math.ceil(timeout / 2), ...(lookup && { lookup }) });
    const connect: buildConnector.connector = (options, callback) =>
      connectTo(options, (...result) => {
        if (result[0] !== null) unsentErrors.add(result[0]);
        callback(...result);
      });
    return { request, dispatcher: new Agent({ connections: concurrency, connect }) };
  }

  /** The next attempt loads undici again: the process may only have run out of file descriptors. */
  function notLoaded(error: Error): never {
    client = undefined;
    unsentErrors.add(error);
    throw error;
  }

  return async (url, { headers, body, signal }) => {
    try {
      client ??= load();
      const { request, dispatcher } = await client.catch(notLoaded);
      const allHeaders = { 'user-agent': userAgent, ...headers };
      return {
        response: await request(url, { method: 'POST', headers: allHeaders, body, signal, dispatcher }),
      };
    } catch (error) {
      const failure = resultOfError(error);
      const isUnsent = error instanceof Error && unsentErrors.has(error);
      return { failure: isUnsent ? { ...failure, outcome: 'unavailable' } : failure };
    }
  };
}

/** Returns the result of an attempt that ended with an error once its connection was established. */
export function resultOfError(error: unknown): DeliveryResult {
  // undici's code for a connection that the receiver closed.
  if (error instanceof Error && 'code' in error && error.code === 'UND_ERR_SOCKET')
    return { outcome: 'unknown', response: 'connection closed without a response' };
  return { outcome: 'unknown', response: `no response${detailOf(error)}` };
}

function detailOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return ' in time';
  if (error instanceof DOMException && error.name === 'AbortError') return ' before the server stopped';
  if (!(error instanceof Error)) return ' (unknown error)';
  return ` (${'code' in error && typeof error.code === 'string' ? error.code : error.name})`;
}

/**
 * Returns the result of an attempt whose response is a redirect. The server may have processed the request before that.
 * It would redirect every lead, so delivery is paused until the URL is corrected.
 */
export function resultOfRedirect(status: number): DeliveryResult {
  return {
    outcome: 'unknown',
    response: `HTTP ${status}`,
    pause: {
      reason: `the dialler responded with a redirect (HTTP ${status}), which is not followed; set DIALLER_URL to the URL that it redirects to`,
    },
  };
}

/**
 * Returns the result of an attempt to withdraw a lead whose request failed: it is repeated. A rejection concerns only
 * the lead.
 */
export function withdrawalResult({ outcome, response, retryAfter, pause }: DeliveryResult): WithdrawalResult {
  return {
    outcome: outcome === 'unknown' ? 'unknown' : 'unavailable',
    response,
    ...(outcome === 'rejected' && { isOfLead: true }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(pause !== undefined && { pause }),
  };
}

/**
 * Reads a response body to its end, and returns the end of it up to the maximum size: warnings precede VICIdial's
 * lines. Closing the connection early could end its script before it has stored the lead. The attempt's timeout limits
 * how long this takes.
 */
export async function readText({ body }: DiallerResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > 2 * maxBodySize) text = text.slice(-maxBodySize);
  }
  return text;
}

/**
 * Reads and drops a response body. Never rejects, even if the body is incomplete or aborted.
 *
 * @param maxSize size beyond which the connection is closed instead (bytes). Undefined: the body is read to its end.
 */
export async function discardBody({ body }: DiallerResponse, maxSize?: number): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (maxSize !== undefined && bytes > maxSize) break;
    }
  } catch {
    // The status has already decided the outcome.
  }
}

/**
 * Returns the delay that a response requests (ms): `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
 */
export function parseRetryAfter({ headers }: DiallerResponse): number | undefined {
  const value = [headers['retry-after']].flat()[0]?.trim();
  if (!value) return undefined;
  const delay = /^[0-9]+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(delay) ? undefined : Math.min(Math.max(delay, 0), maxRetryAfter);
}
