import type { Dispatcher } from 'undici';
import type { HandOverResult } from './dialler.ts';

/** These errors come before anything was sent, so that the dialler surely has not got the lead. */
const notSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/;

/** However long a dialler asks to be left alone, it is asked again after an hour, in milliseconds. */
const longestRetryAfter = 3_600_000;

/** An answer is a few lines; more than so many characters are not looked at. */
const longestAnswer = 65_536;

/** What a dialler's server answered. */
export type DiallerResponse = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

/** What a dialler's server answered, or the result of a try that got no answer. */
export type Posted = { response: DiallerResponse } | { failure: HandOverResult };

/** What is sent to a dialler's server. */
export interface Sent {
  /** By their names in lower case; `content-type` is among them. */
  headers: Record<string, string>;
  body: string;
  signal: AbortSignal;
}

/** Whoever reads the log of a dialler's server sees who was there. */
const userAgent = 'leads-api';

/**
 * The client is loaded with the first lead: a server that hands none over starts without it. It is that of Node's
 * `fetch`, asked directly: less than half of the time of a `fetch`, which was half of what a hand-over cost
 * (`npm run bench:steps`).
 */
let client: Promise<typeof import('undici')> | undefined;

/** Sends a request to a dialler's server, whose redirects are not followed. */
export async function post(url: URL, { headers, body, signal }: Sent): Promise<Posted> {
  client ??= import('undici');
  const { request } = await client;
  try {
    const sent = { method: 'POST', headers: { 'user-agent': userAgent, ...headers }, body, signal } as const;
    return { response: await request(url, sent) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** What a try came to that broke off. */
export function failureOf(error: unknown): HandOverResult {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { outcome: 'unknown', answer: 'no answer in time' };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return { outcome: notSent.test(code) ? 'unavailable' : 'unknown', answer: `no answer (${code})` };
}

/**
 * Reads what a server answers, or as much of it as is worth reading. What is read to its end leaves the
 * connection open for the next lead.
 */
export async function textOf({ body }: DiallerResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > longestAnswer) break;
  }
  return text;
}

/**
 * How long a response asks to be left alone, in milliseconds: `Retry-After` in seconds or as a date
 * (RFC 9110, section 10.2.3).
 */
export function retryAfterOf({ headers }: DiallerResponse): number | undefined {
  const written = [headers['retry-after']].flat()[0]?.trim();
  if (!written) return undefined;
  const asked = /^[0-9]+$/.test(written) ? Number(written) * 1_000 : Date.parse(written) - Date.now();
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, 0), longestRetryAfter);
}
