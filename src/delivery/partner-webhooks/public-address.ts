import { BlockList, isIPv6 } from 'node:net';

/** IPv4 networks that are not on the internet, or not a host's (RFC 6890 and its successors, IANA's registry). */
const privateIPv4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const;

/** Networks within 2000::/3 that are not a host's own: Teredo and other protocols, documentation, and 6to4. */
const specialIPv6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const;

const blocked4 = new BlockList();
for (const [network, prefix] of privateIPv4) blocked4.addSubnet(network, prefix, 'ipv4');

const blocked6 = new BlockList();
for (const [network, prefix] of specialIPv6) blocked6.addSubnet(network, prefix, 'ipv6');

const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

/**
 * Returns whether an IP address is a host's on the internet. An IPv6 address that embeds an IPv4 address (mapped, or
 * NAT64) is public if that one is; 6to4 and Teredo are not.
 */
export function isPublicAddress(address: string): boolean {
  const [text = ''] = address.split('%', 1);
  const embedded = embeddedIPv4(text);
  if (embedded !== undefined) return !blocked4.check(embedded, 'ipv4');
  if (!isIPv6(text)) return !blocked4.check(text, 'ipv4');
  return global6.check(text, 'ipv6') && !blocked6.check(text, 'ipv6');
}

/** Prefixes of addresses that embed an IPv4 address: mapped ones (RFC 4291) and those of NAT64 (RFC 6052). */
const embedding = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;

/** Returns the IPv4 address in an IPv6 address; undefined: there is none. */
export function embeddedIPv4(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  // The URL parser returns canonical IPv6 addresses, always in hexadecimal.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const groups = embedding.exec(canonical)?.slice(1);
  const bytes = groups?.flatMap((group) => [
    Number.parseInt(group, 16) >> 8,
    Number.parseInt(group, 16) & 255,
  ]);
  return bytes?.join('.');
}
