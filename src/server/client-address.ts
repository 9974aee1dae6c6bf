import type { IncomingMessage } from 'node:http';
import proxyAddress from 'proxy-addr';
import { canonicalAddress } from './ip-address.ts';

/** Whose word is taken for where a request comes from: addresses and networks of reverse proxies. */
export type TrustedProxies = readonly string[];

/** Tells where a request comes from: an IP address in canonical form. */
export type ReadAddress = (incoming: IncomingMessage) => string;

/** Returns whether an address belongs to a trusted proxy. */
export type IsTrustedProxy = (address: string) => boolean;

/** So many proxies have an address that is trusted, or it is a network with strangers in it. */
const maxProxies = 1_000;

/**
 * Makes the check of which addresses are proxies'. It remembers those that are, since to read an address takes the
 * library a microsecond (`npm run bench`, the row of 401). Those of strangers are ever new.
 *
 * @param trusted such as `10.0.0.0/8`, `::1` or `loopback`; none to trust nobody
 * @throws {TypeError} where one of them is no address and no network
 */
export function proxyCheck(trusted: TrustedProxies): IsTrustedProxy {
  if (trusted.length === 0) return () => false;
  const trust = proxyAddress.compile([...trusted]);
  const proxies = new Set<string>();
  return (address) => {
    if (proxies.has(address)) return true;
    const isTrusted = trust(address, 0);
    if (isTrusted && proxies.size < maxProxies) proxies.add(address);
    return isTrusted;
  };
}

/**
 * Makes a reader that takes the word of `X-Forwarded-For` only from trusted proxies: a header that
 * anybody can send must not hide who sends it.
 *
 * @throws {TypeError} as `proxyCheck` does
 */
export function addressReader(trusted: TrustedProxies): ReadAddress {
  if (trusted.length === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const isProxy = proxyCheck(trusted);
  return ({ socket, headers }) =>
    beforeProxies(socket.remoteAddress ?? '', headers['x-forwarded-for'], isProxy);
}

/**
 * The nearest address that is not a proxy's. Each proxy adds the address it was reached from at the end of the header,
 * so it is read from there; where an entry is no address, the proxy that wrote it is the last that is known.
 *
 * @param header Node joins several of them with commas, and keeps their order
 */
function beforeProxies(
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
