import type { Agent, Dispatcher } from 'undici';
import type { DeliveryResult, DiallerContext } from '../dialler.ts';

/** These errors come before anything was sent, so that the dialler surely has not got the lead. */
const notSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EMFILE|ENFILE|UND_ERR_CONNECT_TIMEOUT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/;

/** However long a dialler asks to be left alone, it is asked again after an hour, in milliseconds. */
const maxRetryAfter = 3_600_000;

/**
 * Maximum size of a response body (bytes): the connection is closed behind it. VICIdial's lines may follow warnings of
 * PHP as long as 85 KB, and to hang up early would end its script before it has the lead.
 */
const maxBody = 1_048_576;

/** What a dialler's server answered. Its body has to be read, by `textOf` or `discarded`. */
export type DiallerResponse = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/** What a dialler's server answered, or the result of a try that got no answer. */
export type Posted = { response: DiallerResponse } | { failure: DeliveryResult };

/** What is sent to a dialler's server. */
export interface Sent {
  /** By their names in lower case; `content-type` is among them. */
  headers: Record<string, string>;
  body: string;
  /** Ends the attempt, however far it is: its connection is closed. */
  signal: AbortSignal;
}

/** Whoever reads the log of a dialler's server sees who was there. */
const userAgent = 'leads-api';

/** Sends requests to a dialler's server, whose redirects are not followed. */
export type Post = (url: URL, sent: Sent) => Promise<Posted>;

/**
 * Makes the client of one dialler, with as many connections as leads may be in flight. It takes up to half of an
 * attempt to connect: what fails by then was certainly not sent.
 *
 * The client is that of Node's `fetch`, asked directly: less than half of the time of a `fetch`, which was half of what
 * a hand-over cost (`npm run bench:steps`). It is loaded with the first lead: a server that delivers none starts
 * without it.
 */
export function poster({ concurrency, timeout }: Pick<DiallerContext, 'concurrency' | 'timeout'>): Post {
  let client: Promise<{ request: typeof import('undici').request; dispatcher: Agent }> | undefined;

  async function load() {
    const { Agent, request } = await import('undici');
    const connect = { timeout: Math.ceil(timeout / 2) };
    return { request, dispatcher: new Agent({ connections: concurrency, connect }) };
  }

  return async (url, { headers, body, signal }) => {
    client ??= load();
    try {
      const { request, dispatcher } = await client;
      const sent = { 'user-agent': userAgent, ...headers };
      return { response: await request(url, { method: 'POST', headers: sent, body, signal, dispatcher }) };
    } catch (error) {
      return { failure: failureOf(error) };
    }
  };
}

/** What a try came to that broke off. */
export function failureOf(error: unknown): DeliveryResult {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { outcome: 'unknown', response: 'no answer in time' };
  }
  if (error instanceof DOMException && error.name === 'AbortError') {
    return { outcome: 'unknown', response: 'no answer before the server stopped' };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return { outcome: notSent.test(code) ? 'unavailable' : 'unknown', response: `no answer (${code})` };
}

/**
 * What an attempt came to that was answered with a redirect: the server may have processed the request first. A dialler
 * that redirects does so for every lead, so none is sent until the URL is corrected.
 */
export function redirected(status: number): DeliveryResult {
  return {
    outcome: 'unknown',
    response: `HTTP ${status}`,
    pauseReason: `the dialler redirects (HTTP ${status}), which is not followed; set DIALLER_URL to the URL that it redirects to`,
  };
}

/** Reads what a server answers, up to the maximum size. What is read to its end leaves the connection open. */
export async function textOf({ body }: DiallerResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    bytes += chunk.length;
    if (bytes > maxBody) break;
  }
  return text;
}

/** Reads a body that nobody needs, as `textOf` does. Fulfilled however it ends: read, too long, broken off or aborted. */
export async function discarded({ body }: DiallerResponse): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBody) break;
    }
  } catch {
    // The status has said what came of the attempt.
  }
}

/**
 * How long a response asks to be left alone, in milliseconds: `Retry-After` in seconds or as a date
 * (RFC 9110, section 10.2.3).
 */
export function retryAfterOf({ headers }: DiallerResponse): number | undefined {
  const written = [headers['retry-after']].flat()[0]?.trim();
  if (!written) return undefined;
  const asked = /^[0-9]+$/.test(written) ? Number(written) * 1_000 : Date.parse(written) - Date.now();
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, 0), maxRetryAfter);
}
