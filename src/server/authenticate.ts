import type { HonoRequest } from 'hono';
import type { Credentials } from '../contract/document.ts';
import { digestOf } from '../partners/key.ts';
import type { KeyHolder } from '../partners/partner.ts';
import type { Intake } from '../store/store.ts';

/**
 * Who sends the request: the holder of its key, or undefined where there is no good one. A key that
 * is sent more than once must be the same everywhere.
 */
export async function authenticate(
  request: HonoRequest,
  query: Record<string, string[]>,
  credentials: Credentials,
  intake: Intake,
): Promise<KeyHolder | undefined> {
  const [key, ...more] = sentKeys(request, query, credentials);
  if (!key || more.some((other) => other !== key)) return undefined;
  return intake.keyHolder(digestOf(key));
}

function sentKeys(request: HonoRequest, query: Record<string, string[]>, credentials: Credentials): string[] {
  const keys = credentials.queryParameters.flatMap((name) => query[name] ?? []);
  const header = credentials.bearer ? request.header('Authorization') : undefined;
  // RFC 9110, section 11.1: the scheme's name is case-insensitive. Other schemes are no key.
  const bearer = header === undefined ? null : /^bearer(?: +(.*))?$/i.exec(header);
  if (bearer !== null) keys.push((bearer[1] ?? '').trim());
  return keys;
}
