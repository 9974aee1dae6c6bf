import type { IncomingMessage } from 'node:http';
import proxyAddress from 'proxy-addr';

/** Whose word is taken for where a request comes from: addresses and networks of reverse proxies. */
export type TrustedProxies = readonly string[];

/** Tells where a request comes from: an IP address. */
export type ReadAddress = (incoming: IncomingMessage) => string;

/**
 * Makes a reader that takes the word of `X-Forwarded-For` only from trusted proxies: a header that
 * anybody can send must not hide who sends it.
 *
 * @param trusted such as `10.0.0.0/8`, `::1` or `loopback`; none to take nobody's word
 * @throws {TypeError} where one of them is no address and no network
 */
export function addressReader(trusted: TrustedProxies): ReadAddress {
  if (trusted.length === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const trust = remembering(proxyAddress.compile([...trusted]));
  return (incoming) => proxyAddress(incoming, trust);
}

/** So many proxies have an address that is trusted, or it is a network with strangers in it. */
const mostProxies = 1_000;

/**
 * Remembers which addresses are trusted, as the few proxies are through which all requests come: to read an address
 * takes the library a microsecond (`npm run bench`, the row of 401). Those of strangers are ever new.
 */
function remembering(trust: (address: string, hop: number) => boolean) {
  const proxies = new Set<string>();
  return (address: string, hop: number) => {
    if (proxies.has(address)) return true;
    const isTrusted = trust(address, hop);
    if (isTrusted && proxies.size < mostProxies) proxies.add(address);
    return isTrusted;
  };
}

/**
 * What addresses are counted by: an IPv4 address itself, and of an IPv6 address the first 64 bits, since
 * whoever has one has as many as fit behind them (RFC 6177).
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  // An IPv4 address that came in on a socket for both families (RFC 4291, section 2.5.5.2).
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length);
  const [head = '', tail = ''] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
