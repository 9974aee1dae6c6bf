import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../contract/document.ts';
import type { Reply } from '../contract/reply.ts';
import { digestOf, isSameDigest } from '../partners/key.ts';
import type { KeyHolder } from '../partners/partner.ts';
import { tooManyWrongKeys, unauthorized } from './refusals.ts';
import { type WrongKeys, wrongKeysHeaders } from './wrong-keys.ts';

/** A request, as far as it tells who sends it. */
export interface Caller {
  incoming: IncomingMessage;
  query: Record<string, string[]>;
  /** The IP address that it comes from. */
  address: () => string;
}

/** Why a request is refused that bears no good key. */
export interface Refused {
  refusal: Reply;
  /** Headers that the server adds. */
  headers?: Readonly<Record<string, string>>;
}

/** The digest of the key that a request bears, or the refusal where there is none or none is looked up. */
export function digestToLookUp(
  caller: Caller,
  credentials: Credentials,
  wrongKeys: WrongKeys,
): string | Refused {
  const key = sentKey(caller, credentials);
  const digest = key === undefined ? undefined : digestOf(key);
  const wait = wrongKeys.isTrusted(digest) ? 0 : wrongKeys.blocks(caller.address());
  if (wait > 0) return { refusal: tooManyWrongKeys(wait), headers: wrongKeysHeaders(wait) };
  return digest ?? refusedKey(caller, wrongKeys);
}

/** The holder that was looked up by a digest, or the refusal where it is nobody. */
export function admitted(
  holder: KeyHolder | undefined,
  digest: string,
  caller: Caller,
  wrongKeys: WrongKeys,
): KeyHolder | Refused {
  if (holder === undefined || !isSameDigest(digest, holder.digest)) return refusedKey(caller, wrongKeys);
  wrongKeys.wasGood(digest);
  return holder;
}

function refusedKey({ address }: Caller, wrongKeys: WrongKeys): Refused {
  wrongKeys.failed(address());
  return { refusal: unauthorized };
}

/** The key of a request. One that is sent more than once must be the same everywhere. */
function sentKey({ incoming, query }: Caller, credentials: Credentials): string | undefined {
  const keys: string[] = [];
  for (const name of credentials.queryParameters) keys.push(...(query[name] ?? []));
  if (credentials.bearer) addBearerKeys(keys, incoming.rawHeaders);
  const [key, ...more] = keys;
  return !key || more.some((other) => other !== key) ? undefined : key;
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
