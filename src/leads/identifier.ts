import { randomInt } from 'node:crypto';

/** Number of digits (base 32) of the timestamp, and of the sequence. */
const width = 10;

/**
 * Number of digits at the end of the sequence that are formatted in advance; the others change every 1,024 identifiers.
 */
const suffixWidth = 2;

/** Exclusive maximum of the random start of a sequence. It leaves room to increase within the same millisecond. */
const maxSequenceStart = 2 ** 38 - 1;

/** All suffixes, formatted once, because formatting takes longer than the rest of `newIdentifier`. */
const suffixes = Array.from({ length: 32 ** suffixWidth }, (_, value) => base32(value, suffixWidth));

let millisecond = 0;
let timestamp = '';
let sequence = 0;
let suffix = 0;
let prefix = '';

/**
 * Returns a new identifier: 20 lower-case letters and digits that sort by creation time. Ten are the millisecond and
 * ten a sequence with a random start, both in base 32, whose digits are in ASCII order. Twenty characters fit a
 * dialler's field for an external reference. Identifiers of one process always increase, even if the clock is set back.
 */
export function newIdentifier(now: number = Date.now()): string {
  suffix += 1;
  if (now > millisecond) {
    millisecond = now;
    timestamp = base32(now, width);
    sequence = randomInt(maxSequenceStart);
    suffix = randomInt(suffixes.length);
    prefix = timestamp + base32(sequence, width - suffixWidth);
  } else if (suffix === suffixes.length) {
    sequence += 1;
    suffix = 0;
    prefix = timestamp + base32(sequence, width - suffixWidth);
  }
  return prefix + suffixes[suffix];
}

/** Returns whether a text has the form of an identifier. */
export function isIdentifier(text: string): boolean {
  return /^[0-9a-v]{20}$/.test(text);
}

/** Number of bits of the parts of a sequence in a UUID. */
const [versionBits, variantBits, tailBits] = [12, 14, 24];

/**
 * Returns the identifier as a UUID of version 7 (RFC 9562, section 5.7), which is the id of the request that it was
 * made for. The timestamp is the identifier's; its sequence is in the first of the bits that the RFC leaves to the
 * implementation, and the others are 0.
 */
export function uuidOf(identifier: string): string {
  const shared = identifier.slice(0, -suffixWidth);
  if (shared !== uuidStart.shared) uuidStart = uuidStartOf(shared);
  const tail = uuidStart.tail + parseInt(identifier.slice(-suffixWidth), 32);
  return `${uuidStart.text}${hex(tail, tailBits / 4)}000000`;
}

/** The start of a UUID, formatted once for the consecutive identifiers that differ only in their suffix. */
interface UuidStart {
  /** What the identifiers share. */
  shared: string;
  text: string;
  /** The first tail; the suffix is added to it. */
  tail: number;
}

let uuidStart: UuidStart = { shared: '', text: '', tail: 0 };

function uuidStartOf(shared: string): UuidStart {
  const time = hex(parseInt(shared.slice(0, width), 32), 12);
  // 50 bits: exact in a double, but too many for bit operators.
  const sequence = parseInt(shared.slice(width), 32) * suffixes.length;
  const rest = Math.floor(sequence / 2 ** tailBits);
  const variant = hex(2 ** (variantBits + 1) + (rest % 2 ** variantBits), 4);
  const version = hex(Math.floor(rest / 2 ** variantBits), versionBits / 4);
  const text = `${time.slice(0, 8)}-${time.slice(8)}-7${version}-${variant}-`;
  return { shared, text, tail: sequence % 2 ** tailBits };
}

/** Returns whether a text is a UUID of any version, such as that of a request to which a proxy responded. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Returns the identifier of a UUID that `uuidOf` returned; undefined: `uuidOf` cannot have returned it. */
export function identifierOfUuid(uuid: string): string | undefined {
  const parts = /^([0-9a-f]{8})-([0-9a-f]{4})-7([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{6})0{6}$/i.exec(
    uuid,
  );
  if (parts === null) return undefined;
  const [version = 0, variant = 0, tail = 0] = parts.slice(3).map((part) => parseInt(part, 16));
  const rest = version * 2 ** variantBits + (variant % 2 ** variantBits);
  const timestamp = parseInt(`${parts[1]}${parts[2]}`, 16);
  return base32(timestamp, width) + base32(rest * 2 ** tailBits + tail, width);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/**
 * Returns a text that sorts after every identifier made before a time, and before all others.
 *
 * @param time milliseconds since 1970
 */
export function identifierBound(time: number): string {
  return base32(Math.max(0, time), width);
}

function base32(value: number, digits: number): string {
  return value.toString(32).padStart(digits, '0');
}
