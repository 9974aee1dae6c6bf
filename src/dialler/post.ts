import type { HandOverResult } from './dialler.ts';

/** These errors come before anything was sent, so that the dialler surely has not got the lead. */
const notSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/;

/** However long a dialler asks to be left alone, it is asked again after an hour, in milliseconds. */
const longestRetryAfter = 3_600_000;

/** An answer is a few lines; more than so many characters are not looked at. */
const longestAnswer = 65_536;

/** What a dialler's server answered, or the result of a try that got no answer. */
export type Posted = { response: Response } | { failure: HandOverResult };

/** Sends a request to a dialler's server, whose redirects are not followed. */
export async function post(url: URL, init: RequestInit): Promise<Posted> {
  try {
    return { response: await fetch(url, { ...init, method: 'POST', redirect: 'manual' }) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** What a try came to that broke off. */
export function failureOf(error: unknown): HandOverResult {
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { outcome: 'unknown', answer: 'no answer in time' };
  }
  // fetch() says "fetch failed", and in its cause what failed.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  return { outcome: notSent.test(code) ? 'unavailable' : 'unknown', answer: `no answer (${code})` };
}

/**
 * Reads what a server answers, or as much of it as is worth reading. What is read to its end leaves the
 * connection open for the next lead.
 */
export async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > longestAnswer) break;
  }
  return text;
}

/**
 * How long a response asks to be left alone, in milliseconds: `Retry-After` in seconds or as a date
 * (RFC 9110, section 10.2.3).
 */
export function retryAfterOf(response: Response): number | undefined {
  const written = response.headers.get('retry-after')?.trim();
  if (!written) return undefined;
  const asked = /^[0-9]+$/.test(written) ? Number(written) * 1_000 : Date.parse(written) - Date.now();
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, 0), longestRetryAfter);
}
