import { isIP } from 'node:net';

/**
 * Returns the canonical form of an IP address, so that all its spellings share a limit: without port, brackets or zone,
 * IPv6 as in RFC 5952, and IPv4-mapped addresses as IPv4.
 *
 * @param text an entry of `X-Forwarded-For`, such as `192.0.2.1:5678` or `[2001:DB8::1]:80`
 * @returns undefined if it is not an IP address
 */
export function canonicalAddress(text: string): string | undefined {
  const address = withoutPort(text.trim());
  switch (isIP(address)) {
    case 4:
      return address;
    case 6:
      return canonicalIPv6(address);
    default:
      return undefined;
  }
}

/** Removes port and brackets: `192.0.2.1:80` and `[::1]:80` have a port, `::1` does not. */
function withoutPort(text: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  if (bracketed !== undefined) return bracketed;
  const colon = text.indexOf(':');
  return colon >= 0 && colon === text.lastIndexOf(':') ? text.slice(0, colon) : text;
}

function canonicalIPv6(address: string): string {
  const [withoutZone = ''] = address.split('%', 1);
  // The URL parser returns canonical IPv6 addresses, always in hexadecimal.
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const bytes = [high, low].flatMap((group) => {
    const number = Number.parseInt(group, 16);
    return [number >> 8, number & 255];
  });
  return bytes.join('.');
}

/** Prefix of IPv4 addresses on a dual-stack socket (RFC 4291, section 2.5.5.2). */
const mappedPrefix = '::ffff:';

/**
 * Returns the network for which an address is limited: an IPv4 address itself, or the first 64 bits of an IPv6 address,
 * because a client usually has a whole /64 network (RFC 6177).
 *
 * @param address in canonical form, or as the system reports a peer's address
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith(mappedPrefix) && address.includes('.')) return address.slice(mappedPrefix.length);
  const [head = '', tail = ''] = address.split('::');
  const leading = head === '' ? [] : head.split(':');
  const trailing = tail === '' ? [] : tail.split(':');
  const zeros = Array(Math.max(0, 8 - leading.length - trailing.length)).fill('0');
  return [...leading, ...zeros, ...trailing].slice(0, 4).join(':');
}
