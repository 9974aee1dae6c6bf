import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../contract/document.ts';
import type { Reply } from '../contract/reply.ts';
import { digestOf, isSameDigest } from '../partners/key.ts';
import type { KeyHolder } from '../partners/partner.ts';
import type { Intake } from '../store/store.ts';
import type { ActiveKeys } from './active-keys.ts';
import { type AuthFailureLimiter, invalidKeysHeaders } from './auth-failure-limiter.ts';
import { tooManyInvalidKeys, unauthorized } from './refusals.ts';

/** A request, as far as it tells who sends it. */
export interface Caller {
  incoming: IncomingMessage;
  query: Record<string, string[]>;
  /** The IP address that it comes from. */
  address: () => string;
}

/** What is needed to tell who sends a request. */
export interface Authentication {
  intake: Pick<Intake, 'keyHolder'>;
  authFailures: AuthFailureLimiter;
  activeKeys: Pick<ActiveKeys, 'has'>;
}

/** Why a request is refused that bears no good key. */
export interface Refused {
  refusal: Reply;
  /** Headers that the server adds. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * The holder of the key that a request bears, or the refusal where there is none. No promise where the key was good
 * before and the store has the answer at once, as with most requests.
 */
export function authenticate(
  caller: Caller,
  credentials: Credentials,
  authentication: Authentication,
): KeyHolder | Refused | Promise<KeyHolder | Refused> {
  const { intake, authFailures } = authentication;
  const key = sentKey(caller, credentials);
  const digest = key === undefined ? undefined : digestOf(key);
  if (digest === undefined || !authFailures.isTrusted(digest))
    return firstSeen(digest, caller, authentication);
  const found = intake.keyHolder(digest);
  if (found instanceof Promise)
    return found.then((holder) => knownBefore(holder, digest, caller, authFailures));
  return knownBefore(found, digest, caller, authFailures);
}

/** Authenticates a key that was valid before. Once it is not, it is treated like any other invalid key. */
function knownBefore(
  holder: KeyHolder | undefined,
  digest: string,
  { address }: Caller,
  authFailures: AuthFailureLimiter,
): KeyHolder | Refused {
  if (isHeldBy(holder, digest)) return holder;
  authFailures.wasRefused(digest);
  authFailures.count(address());
  return { refusal: unauthorized };
}

/** A key that was not good before, or none. Beyond the limit of its address only an active key is looked up. */
function firstSeen(
  digest: string | undefined,
  caller: Caller,
  authentication: Authentication,
): KeyHolder | Refused | Promise<KeyHolder | Refused> {
  const { authFailures, activeKeys } = authentication;
  const address = caller.address();
  if (authFailures.count(address)) {
    return digest === undefined ? { refusal: unauthorized } : lookUp(digest, authentication, address);
  }
  if (digest === undefined) return tooMany(address, authFailures);
  return activeKeys
    .has(digest)
    .then((isActive) => (isActive ? lookUp(digest, authentication) : tooMany(address, authFailures)));
}

/** @param counted the address by which the request was counted as one without a good key */
function lookUp(
  digest: string,
  { intake, authFailures }: Authentication,
  counted?: string,
): KeyHolder | Refused | Promise<KeyHolder | Refused> {
  const judge = (holder: KeyHolder | undefined) => {
    if (!isHeldBy(holder, digest)) return { refusal: unauthorized };
    if (counted !== undefined) authFailures.uncount(counted);
    authFailures.wasGood(digest);
    return holder;
  };
  const found = intake.keyHolder(digest);
  return found instanceof Promise ? found.then(judge) : judge(found);
}

function tooMany(address: string, authFailures: AuthFailureLimiter): Refused {
  const wait = Math.max(1, authFailures.wait(address));
  return { refusal: tooManyInvalidKeys(wait), headers: invalidKeysHeaders(wait) };
}

function isHeldBy(holder: KeyHolder | undefined, digest: string): holder is KeyHolder {
  return holder !== undefined && isSameDigest(digest, holder.digest);
}

/** The key of a request. One that is sent more than once must be the same everywhere; an empty one counts as not sent. */
function sentKey({ incoming, query }: Caller, credentials: Credentials): string | undefined {
  const keys: string[] = [];
  for (const name of credentials.queryParameters) keys.push(...(query[name] ?? []));
  if (credentials.bearer) addBearerKeys(keys, incoming.rawHeaders);
  const [key, ...more] = keys.filter((sent) => sent !== '');
  return more.some((other) => other !== key) ? undefined : key;
}

/**
 * Adds the key of each `Authorization` header. They are read from the raw headers, names and values in turn, since
 * Node's `headers` keeps only the first of several.
 */
function addBearerKeys(keys: string[], rawHeaders: readonly string[]): void {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length !== authorization.length || name.toLowerCase() !== authorization) continue;
    // RFC 9110, section 11.1: the scheme's name is case-insensitive. Other schemes are no key.
    const bearer = /^bearer(?: +(.*))?$/i.exec(rawHeaders[index + 1] ?? '');
    if (bearer !== null) keys.push((bearer[1] ?? '').trim());
  }
}

const authorization = 'authorization';
