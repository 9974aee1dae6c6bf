import type { ReadableStream } from 'node:stream/web';
import { httpUrl, readVariables, text } from '../../environment/variables.ts';
import type { ScreenedNumber, ScreeningResponse, ScreeningService } from '../screening.ts';

/** Maximum size of a response (bytes): 200 numbers need a tenth of it. */
const maxBodySize = 262_144;

/** Time for which a result is valid that states none (ms). */
const defaultValidity = 86_400_000;

/** Maximum time for which a result is valid (ms), whatever the service states. */
const maxValidity = 28 * 86_400_000;

/** Maximum time by which the clock of the service may be ahead (ms). */
const maxClockDifference = 60_000;

/**
 * Creates the service that is asked with `POST SCREENING_URL`, as docs/operating/do-not-call.md describes.
 *
 * @throws {ConfigError} if its variables are missing or invalid
 */
export function createHttpScreening(environment: NodeJS.ProcessEnv): ScreeningService {
  const variables = readVariables(environment, {
    SCREENING_URL: httpUrl({ desc: 'the URL of the screening service' }),
    SCREENING_SECRET: text({ desc: 'the secret that the screening service expects as a bearer token' }),
  });
  const { SCREENING_URL: url, SCREENING_SECRET: secret } = variables;
  const headers = {
    authorization: `Bearer ${secret}`,
    'content-type': 'application/json',
    'user-agent': 'leads-api',
  };
  return {
    name: 'http',
    async screen(numbers, signal) {
      try {
        const body = JSON.stringify({ numbers });
        const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
        const received = await readBounded(response.body);
        if (response.status !== 200) return { failure: `HTTP ${response.status}${hintOf(response.status)}` };
        if (received === undefined) return { failure: `a response of more than ${maxBodySize} bytes` };
        return screenedIn(received, new Set(numbers), Date.now());
      } catch (error) {
        return { failure: describe(error) };
      }
    },
  };
}

function hintOf(status: number): string {
  if (status === 401 || status === 403) return ' (check SCREENING_SECRET)';
  return status >= 300 && status < 400 ? ' (redirects are not followed: check SCREENING_URL)' : '';
}

/** Reads a body. Undefined: it is too large; its connection is closed. */
async function readBounded(body: ReadableStream | null): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > maxBodySize) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads a response, whose members are not trusted. */
function screenedIn(received: string, asked: ReadonlySet<string>, now: number): ScreeningResponse {
  const results = resultsIn(received);
  if (results === undefined) return { failure: 'a response that is not `{"results": […]}`' };
  const screened = results
    .map((result) => screenedNumber(Object(result), now))
    .filter((result) => result !== undefined && asked.has(result.number));
  return { screened: screened.filter((result) => result !== undefined) };
}

function resultsIn(received: string): unknown[] | undefined {
  try {
    const { results } = Object(JSON.parse(received));
    return Array.isArray(results) ? results : undefined;
  } catch {
    return undefined;
  }
}

/** Returns a valid result. Undefined: it is not valid, and its number is not screened. */
function screenedNumber(result: Record<string, unknown>, now: number): ScreenedNumber | undefined {
  const { number, listed, lists = [], checked_at: checked, expires_at: expires } = result;
  if (typeof number !== 'string' || typeof listed !== 'boolean' || !Array.isArray(lists)) return undefined;
  const checkedAt = checked === undefined ? now : Date.parse(String(checked));
  if (Number.isNaN(checkedAt) || checkedAt > now + maxClockDifference) return undefined;
  const expiresAt = expires === undefined ? checkedAt + defaultValidity : Date.parse(String(expires));
  // A result that has already expired would cause a request at each claim.
  if (Number.isNaN(expiresAt) || expiresAt <= now) return undefined;
  const names = lists.filter((name) => typeof name === 'string' && /^[\w.-]{1,40}$/.test(name));
  return {
    number,
    isListed: listed,
    lists: names.slice(0, 20),
    checkedAt,
    expiresAt: Math.min(expiresAt, checkedAt + maxValidity),
  };
}

/** Describes an error without the URL, which may contain a secret. */
function describe(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no response in time';
  const cause = error instanceof Error ? error.cause : undefined;
  const code = Object(cause)['code'];
  return `no response${typeof code === 'string' ? ` (${code})` : ''}`;
}
