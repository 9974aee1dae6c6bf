import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../contract/document.ts';
import type { Reply } from '../contract/reply.ts';
import { digestOf, isSameDigest } from '../partners/key.ts';
import type { KeyHolder } from '../partners/partner.ts';
import type { Intake } from '../store/store.ts';
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

/** Who sends the request: the holder of its key, or the refusal where there is no good one. */
export async function authenticate(
  { incoming, query, address }: Caller,
  credentials: Credentials,
  intake: Intake,
  wrongKeys: WrongKeys,
): Promise<KeyHolder | Refused> {
  const key = sentKey(incoming, query, credentials);
  const digest = key === undefined ? undefined : digestOf(key);
  const wait = wrongKeys.isQuiet ? 0 : wrongKeys.blocks(address(), digest);
  if (wait > 0) return { refusal: tooManyWrongKeys(wait), headers: wrongKeysHeaders(wait) };
  const holder = digest === undefined ? undefined : await intake.keyHolder(digest);
  if (digest === undefined || holder === undefined || !isSameDigest(digest, holder.digest)) {
    wrongKeys.failed(address());
    return { refusal: unauthorized };
  }
  wrongKeys.wasGood(digest);
  return holder;
}

/** The key of a request. One that is sent more than once must be the same everywhere. */
function sentKey(
  incoming: IncomingMessage,
  query: Record<string, string[]>,
  credentials: Credentials,
): string | undefined {
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
