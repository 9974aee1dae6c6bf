import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../contract/contract.ts';
import type { Reply } from '../contract/reply.ts';
import { digestOf, isSameDigest } from '../partners/key.ts';
import type { RejectedKey } from '../partners/key-state.ts';
import type { KeyHolder } from '../partners/partner.ts';
import type { Intake } from '../store/intake.ts';
import type { ActiveKeyCache } from './active-key-cache.ts';
import { type AuthFailureLimiter, authFailureHeaders } from './auth-failure-limiter.ts';
import type { ReadAddress } from './client-address.ts';
import { tooManyAuthFailures, unauthorized } from './refusals.ts';

/** The parts of a request that identify its sender. */
export interface UnauthenticatedRequest {
  incoming: IncomingMessage;
  query: Record<string, string[]>;
}

/** The services that authentication depends on. */
export interface AuthenticationServices {
  intake: Pick<Intake, 'keyHolder'>;
  readAddress: ReadAddress;
  authFailures: AuthFailureLimiter;
  activeKeys: Pick<ActiveKeyCache, 'has' | 'delete'>;
}

/** The reply to a request that is not authenticated. */
export interface AuthenticationFailure {
  refusal: Reply;
  /** Undefined: the request has no key, or one that is unknown or was not looked up. */
  rejectedKey?: RejectedKey | undefined;
  /** Rate limit headers. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * Returns the holder of the request's key, or a refusal.
 *
 * A key that was valid when last used is always looked up. Any other request is counted as a failure of its address
 * until its key proves valid. If the address has too many failures, its key is only looked up if it is active.
 */
export async function authenticate(
  request: UnauthenticatedRequest,
  credentials: Credentials,
  { intake, readAddress, authFailures, activeKeys }: AuthenticationServices,
): Promise<KeyHolder | AuthenticationFailure> {
  const key = keyOf(request, credentials);
  const digest = key === undefined ? undefined : digestOf(key);

  if (digest !== undefined && authFailures.isRemembered(digest)) {
    const holder = intake.keyHolder(digest);
    // SQLite returns it at once, and every `await` costs time.
    const found = verified(holder instanceof Promise ? await holder : holder, digest);
    if (isAccepted(found)) return found;
    authFailures.forget(digest);
    authFailures.count(readAddress(request.incoming));
    return { refusal: unauthorized, rejectedKey: found };
  }

  const address = readAddress(request.incoming);
  const isWithinLimit = authFailures.count(address);
  if (digest === undefined) return isWithinLimit ? { refusal: unauthorized } : limited(address, authFailures);
  if (!isWithinLimit && !(await activeKeys.has(digest))) return limited(address, authFailures);

  const found = verified(await intake.keyHolder(digest), digest);
  if (!isAccepted(found)) {
    activeKeys.delete(digest);
    return { refusal: unauthorized, rejectedKey: found };
  }
  if (isWithinLimit) authFailures.undoCount(address);
  authFailures.remember(digest);
  return found;
}

function isAccepted(key: KeyHolder | RejectedKey | undefined): key is KeyHolder {
  return key !== undefined && !('reason' in key);
}

/** Compares the digests again in constant time, because the store's comparison may not be constant. */
function verified<Key extends KeyHolder | RejectedKey>(
  key: Key | undefined,
  digest: string,
): Key | undefined {
  return key !== undefined && isSameDigest(digest, key.digest) ? key : undefined;
}

function limited(address: string, authFailures: AuthFailureLimiter): AuthenticationFailure {
  const retryAfter = Math.max(1, authFailures.retryAfter(address));
  return { refusal: tooManyAuthFailures(retryAfter), headers: authFailureHeaders(retryAfter) };
}

/** Returns the key of a request. Empty keys are ignored; undefined if there is none, or if several differ. */
export function keyOf(
  { incoming, query }: UnauthenticatedRequest,
  credentials: Credentials,
): string | undefined {
  const keys: string[] = [];
  for (const name of credentials.queryParameters) keys.push(...(query[name] ?? []));
  if (credentials.bearer) keys.push(...bearerTokens(incoming.rawHeaders));
  const [key, ...others] = keys.filter((sent) => sent !== '');
  return others.some((other) => other !== key) ? undefined : key;
}

const authorization = 'authorization';

/** Reads raw headers (names and values alternate), because Node's `headers` keeps only the first `Authorization`. */
function bearerTokens(rawHeaders: readonly string[]): string[] {
  const tokens: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length !== authorization.length || name.toLowerCase() !== authorization) continue;
    // RFC 9110, section 11.1: scheme names are case-insensitive. Other schemes carry no key.
    const bearer = /^bearer(?: +(.*))?$/i.exec(rawHeaders[index + 1] ?? '');
    if (bearer !== null) tokens.push((bearer[1] ?? '').trim());
  }
  return tokens;
}
