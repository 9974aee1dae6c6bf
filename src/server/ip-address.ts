import { isIP } from 'node:net';

/**
 * Returns an IP address in its one canonical form, so that nobody has a second count by another spelling: without a
 * port, brackets or a zone, an IPv6 address as RFC 5952 writes it, and an IPv4-mapped one as IPv4.
 *
 * @param written as proxies write it into `X-Forwarded-For`, such as `192.0.2.1:5678` or `[2001:DB8::1]:80`
 * @returns undefined if it is not an IP address
 */
export function canonicalAddress(written: string): string | undefined {
  const address = withoutPort(written.trim());
  switch (isIP(address)) {
    case 4:
      return address;
    case 6:
      return canonicalIPv6(address);
    default:
      return undefined;
  }
}

/** The part before a port, without brackets: `192.0.2.1:80` and `[::1]:80` have one, `::1` does not. */
function withoutPort(written: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(written) ?? [];
  if (bracketed !== undefined) return bracketed;
  const colon = written.indexOf(':');
  return colon >= 0 && colon === written.lastIndexOf(':') ? written.slice(0, colon) : written;
}

function canonicalIPv6(address: string): string {
  const [withoutZone = ''] = address.split('%', 1);
  // The URL parser writes IPv6 addresses in their canonical form, always in hexadecimal.
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const bytes = [high, low].flatMap((group) => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 255];
  });
  return bytes.join('.');
}

/** IPv4 addresses on a socket for both families (RFC 4291, section 2.5.5.2), as the system writes them. */
const mapped = '::ffff:';

/**
 * Returns what addresses are counted by: an IPv4 address itself, and of an IPv6 address the first 64 bits, since
 * anyone who has one address has all that share these bits (RFC 6177).
 *
 * @param address in canonical form, or as the system writes a peer's address
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith(mapped) && address.includes('.')) return address.slice(mapped.length);
  const [head = '', tail = ''] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Array(Math.max(0, 8 - before.length - after.length)).fill('0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
