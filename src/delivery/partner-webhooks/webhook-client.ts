import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { StoreKeys } from '../../store/keys/store-keys.ts';
import type { PartnerWebhook, WebhookSalt } from '../../store/partner-webhooks.ts';
import { createPost, discardBody, parseRetryAfter } from '../diallers/http-client.ts';
import { signedHeaders } from '../signed-headers.ts';
import { isPublicAddress } from './public-address.ts';

/** Maximum time of an attempt to send an event (ms). */
export const webhookTimeout = 10_000;

/** Maximum size of a response that is read before its connection is closed (bytes). */
const maxResponseSize = 16_384;

/** An event, as it is sent. */
export interface SentEvent {
  id: string;
  type: string;
}

/** The result of an attempt to send an event. */
export interface SendResult {
  outcome: 'delivered' | 'failed';
  /** Status or error, without anything that the receiver sent. */
  response: string;
  /** Minimum delay that the receiver requested (ms). */
  retryAfter: number | undefined;
}

/** Sends an event. Never rejects. */
export type SendEvent = (
  url: string,
  secrets: readonly string[],
  event: SentEvent,
  signal: AbortSignal,
) => Promise<SendResult>;

/** Which addresses can be called. */
export interface AddressRules {
  /** Whether an address is in WEBHOOK_ALLOW, so that it need not be public, and `http` is allowed. */
  isAllowed(address: string): boolean;
}

const notAllowed = 'ERR_ADDRESS_NOT_ALLOWED';

/** Returns the secrets that sign events for a webhook; undefined: the key of the store for the current one is missing. */
export function secretsOf(
  { current, previous }: PartnerWebhook,
  keys: StoreKeys | undefined,
): readonly string[] | undefined {
  const secret = secretOf(current, keys);
  if (secret === undefined) return undefined;
  const replaced = previous && secretOf(previous, keys);
  return replaced === undefined ? [secret] : [secret, replaced];
}

function secretOf({ salt, keyId }: WebhookSalt, keys: StoreKeys | undefined): string | undefined {
  return keys?.byId(keyId)?.webhookSecret(salt);
}

/**
 * Creates the client that sends events to partners. It connects only to addresses that the rules allow: each name is
 * resolved once, for the connection itself, so that a name server cannot return another address after the check.
 *
 * @param lookup default: the system's
 */
export function createWebhookClient(
  rules: AddressRules,
  concurrency: number,
  lookup: LookupFunction = systemLookup,
): SendEvent {
  const options = { concurrency, timeout: webhookTimeout };
  const posts = {
    'https:': createPost({ ...options, lookup: checkedLookup(rules, true, lookup) }),
    'http:': createPost({ ...options, lookup: checkedLookup(rules, false, lookup) }),
  };
  return async (urlText, secrets, event, signal) => {
    const url = new URL(urlText);
    const isSecure = url.protocol === 'https:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // An address is not looked up.
    if (isIP(host) !== 0 && !canConnect(rules, isSecure, host)) return failed(describe(notAllowed));
    const body = JSON.stringify(event);
    // Loaded with the first event, so that servers and commands that send none start faster.
    const { Webhook } = await import('standardwebhooks');
    const signers = secrets.map((secret) => new Webhook(secret));
    const request = { headers: signedHeaders(signers, event.id, body), body, signal };
    const posted = await posts[isSecure ? 'https:' : 'http:'](url, request);
    if ('failure' in posted) return failed(describe(posted.failure.response));
    const { response } = posted;
    await discardBody(response, maxResponseSize);
    const status = `HTTP ${response.statusCode}`;
    if (response.statusCode >= 200 && response.statusCode < 300)
      return { outcome: 'delivered', response: status, retryAfter: undefined };
    return { outcome: 'failed', response: status, retryAfter: parseRetryAfter(response) };
  };
}

function failed(response: string): SendResult {
  return { outcome: 'failed', response, retryAfter: undefined };
}

function describe(response: string): string {
  return response.includes(notAllowed)
    ? 'the address is not public (WEBHOOK_ALLOW), or the URL is not https'
    : response;
}

function canConnect({ isAllowed }: AddressRules, isSecure: boolean, address: string): boolean {
  return isAllowed(address) || (isSecure && isPublicAddress(address));
}

/** Returns a lookup that fails if the name has an address that cannot be called. */
function checkedLookup(rules: AddressRules, isSecure: boolean, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = Array.isArray(found) ? found : [];
      if (addresses.length === 0 || !addresses.every(({ address }) => canConnect(rules, isSecure, address))) {
        return callback(Object.assign(new Error('The address is not allowed.'), { code: notAllowed }), []);
      }
      const [first] = addresses;
      if (options.all || first === undefined) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}
