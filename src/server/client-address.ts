import type { IncomingMessage } from 'node:http';
import proxyAddress from 'proxy-addr';
import { canonicalAddress } from './ip-address.ts';

/** Addresses and networks of reverse proxies whose `X-Forwarded-For` is trusted. */
export type TrustedProxies = readonly string[];

/** Returns the IP address of a request's client: in canonical form, or as the system reports a peer's address. */
export type ReadAddress = (incoming: IncomingMessage) => string;

/** Returns whether an address belongs to a trusted proxy. */
export type IsTrustedProxy = (address: string) => boolean;

/** Maximum number of remembered proxy addresses. */
const maxRemembered = 1_000;

/**
 * Returns a check of whether an address belongs to a trusted proxy. It remembers those that do, because the library's
 * check is slow.
 *
 * @param trusted such as `10.0.0.0/8`, `::1` or `loopback`; empty: no proxy is trusted
 * @throws {TypeError} if one of them is neither an address nor a network
 */
export function proxyCheck(trusted: TrustedProxies): IsTrustedProxy {
  if (trusted.length === 0) return () => false;
  const trust = proxyAddress.compile([...trusted]);
  const proxies = new Set<string>();
  return (address) => {
    if (proxies.has(address)) return true;
    const isTrusted = trust(address, 0);
    if (isTrusted && proxies.size < maxRemembered) proxies.add(address);
    return isTrusted;
  };
}

/**
 * Returns a reader of client addresses, which trusts `X-Forwarded-For` only from trusted proxies.
 *
 * @throws {TypeError} as `proxyCheck`
 */
export function addressReader(trusted: TrustedProxies): ReadAddress {
  if (trusted.length === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const isProxy = proxyCheck(trusted);
  return ({ socket, headers }) =>
    firstUntrusted(socket.remoteAddress ?? '', headers['x-forwarded-for'], isProxy);
}

/**
 * Returns the nearest address that does not belong to a trusted proxy. Each proxy appends its client's address, so the
 * header is read from its end. If an entry is not an address, the proxy that wrote it is treated as the client.
 *
 * @param header Node joins repeated headers with commas, in order
 */
function firstUntrusted(
  peer: string,
  header: string | readonly string[] | undefined,
  isProxy: IsTrustedProxy,
): string {
  let nearest = peer;
  let rest = typeof header === 'string' ? header : '';
  while (rest !== '' && isProxy(nearest)) {
    const comma = rest.lastIndexOf(',');
    const entry = rest.slice(comma + 1);
    rest = rest.slice(0, Math.max(0, comma));
    if (entry.trim() === '') continue;
    const address = canonicalAddress(entry);
    if (address === undefined) break;
    nearest = address;
  }
  return nearest;
}
