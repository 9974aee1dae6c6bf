import { makeExactValidator } from 'envalid';
import { type CountryCode, isCountry } from '../leads/phone.ts';
import { type SpecialNumber, specialNumbers } from '../leads/phone-policy.ts';
import { maxPerSecond } from '../partners/rate-limit.ts';
import { addressReader, type TrustedProxies } from '../server/client-address.ts';
import { isStoreUrl } from '../store/store-url.ts';
import { parseDuration } from '../text/duration.ts';

// Each error message completes the sentence "NAME must be".

const portRange = 'a port, from 0 (any free port) to 65535';

/** Accepts a port. */
export const port = makeExactValidator<number>((value) => {
  const number = parsePort(value);
  if (number !== undefined) return number;
  throw new Error(portRange);
});

/** Accepts `off` or a port. */
export const portOrOff = makeExactValidator<number | 'off'>((value) => {
  if (value === 'off') return 'off';
  const number = parsePort(value);
  if (number !== undefined) return number;
  throw new Error(`off, or ${portRange}`);
});

/** Accepts `off` or the URI of a contact, as in security.txt (RFC 9116, section 2.5.3). */
export const contactUrl = makeExactValidator<string>((value) => {
  if (value === 'off') return 'off';
  if (/^(mailto:|https:\/\/|tel:)\S+$/.test(value)) return value;
  throw new Error('off, or a URI such as mailto:security@leads.example or https://leads.example/security');
});

/**
 * Accepts `off` or an HTTP or HTTPS URL, whose value has no slash at its end. It contains only characters that mean the
 * same in every document and in strings of every language.
 */
export const publicUrlOrOff = makeExactValidator<string>((value) => {
  if (value === 'off') return 'off';
  if (/^https?:\/\/[\w.:[\]/~-]+$/.test(value) && URL.canParse(value)) return value.replace(/\/+$/, '');
  throw new Error('off, or a URL that starts with https:// or http://, such as https://leads.example');
});

/** Accepts any host that is not blank. Whether it is valid shows only when the server listens on it. */
export const host = makeExactValidator<string>((value) => {
  if (value.trim() !== '') return value;
  throw new Error('an address of this machine, such as 127.0.0.1 or 0.0.0.0');
});

/** Accepts the URL of a store. */
export const storeUrl = makeExactValidator<string>((value) => {
  if (isStoreUrl(value)) return value;
  throw new Error(
    'sqlite: and a file, such as sqlite:data/leads.db, or postgres://user:password@host/database, in which # / ? % @ of the password are written as %23 %2F %3F %25 %40',
  );
});

/** Accepts `auto` or the URL of a store. */
export const storeUrlOrAuto = makeExactValidator<string>((value) => {
  if (value === 'auto' || isStoreUrl(value)) return value;
  throw new Error('auto or the URL of a store, such as sqlite:data/leads-test.db (see DATABASE_URL)');
});

/** Accepts a country code (ISO 3166-1 alpha-2). */
export const country = makeExactValidator<CountryCode>((value) => {
  const code = value.toUpperCase();
  if (isCountry(code)) return code;
  throw new Error('a country code of two letters, such as GB or DE');
});

/** Accepts `all` or country codes (ISO 3166-1 alpha-2). */
export const countriesOrAll = makeExactValidator<readonly CountryCode[] | 'all'>((value) => {
  if (value === 'all') return 'all';
  const codes = splitList(value.toUpperCase());
  if (codes.every(isCountry)) return codes;
  throw new Error('all, or country codes of two letters separated by commas, such as GB,IE');
});

/** Accepts `off` or kinds of special numbers. */
export const specialNumbersOrOff = makeExactValidator<readonly SpecialNumber[]>((value) => {
  if (value === 'off') return [];
  const kinds = splitList(value);
  const allowed = specialNumbers.filter((kind) => kinds.includes(kind));
  if (kinds.every((kind) => allowed.some((known) => known === kind))) return allowed;
  throw new Error(`off, or one or more of ${specialNumbers.join(', ')}, separated by commas`);
});

/** Accepts `off` or a duration, whose value is in milliseconds. */
export const durationOrOff = makeExactValidator<number | 'off'>((value) => {
  if (value === 'off') return 'off';
  try {
    return parseDuration(value);
  } catch {
    throw new Error('off, or a duration such as 24h or 90m');
  }
});

/** Creates a validator that accepts `off` or a whole number from 1 to `max`. */
export function countOrOff(max: number) {
  return makeExactValidator<number | 'off'>((value) => {
    if (value === 'off') return 'off';
    const number = Number(value);
    if (/^[0-9]+$/.test(value) && number >= 1 && number <= max) return number;
    throw new Error(`off, or a number from 1 to ${max}`);
  });
}

/** Accepts `off` or a number of requests per second. */
export const requestRateOrOff = makeExactValidator<number | 'off'>((value) => {
  if (value === 'off') return 'off';
  const number = Number(value);
  if (/^[0-9]+$/.test(value) && number >= 1 && number <= maxPerSecond) return number;
  throw new Error(`off, or a number of requests per second, from 1 to ${maxPerSecond}`);
});

/** Accepts `off` or addresses and networks, as `proxyCheck` does. */
export const proxiesOrOff = networks(
  'off, loopback (a proxy on this machine), or addresses and networks such as 10.0.0.0/8, separated by commas',
);

/** The same, without proxies. */
export const networksOrOff = networks(
  'off, or addresses and networks such as 10.0.0.0/8, separated by commas',
);

function networks(description: string) {
  return makeExactValidator<TrustedProxies>((value) => {
    if (value === 'off') return [];
    const listed = splitList(value);
    try {
      addressReader(listed);
      return listed;
    } catch {
      throw new Error(description);
    }
  });
}

function parsePort(value: string): number | undefined {
  const number = Number(value);
  return /^[0-9]+$/.test(value) && number <= 65_535 ? number : undefined;
}

function splitList(value: string): string[] {
  return value.split(',').map((item) => item.trim());
}
