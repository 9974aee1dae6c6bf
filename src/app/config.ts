import { existsSync } from 'node:fs';
import { makeExactValidator } from 'envalid';
import type { Dialler } from '../delivery/dialler.ts';
import { diallers } from '../delivery/diallers.ts';
import { count, oneOf, readVariables } from '../environment/variables.ts';
import { type CountryCode, isCountry, phoneParser } from '../leads/phone.ts';
import { type PhonePolicy, type SpecialNumber, specialNumbers } from '../leads/phone-policy.ts';
import { maxBurst, maxPerSecond, type RateLimit, rateLimit } from '../partners/rate-limit.ts';
import { addressReader, type TrustedProxies } from '../server/client-address.ts';
import { isStoreUrl } from '../store/open.ts';
import { logLevels } from '../telemetry/log.ts';
import { parseDuration } from '../text/duration.ts';

/** What the environment decides. */
export interface Config {
  /** Where the server listens; port 0 takes a free one. */
  port: number;
  host: string;
  databaseUrl: string;
  /** How many connections to PostgreSQL there may be at once. */
  databaseConnections: number;
  /** The country whose national numbers can be written without a country code. */
  defaultCountry: CountryCode;
  /** Which numbers partners may send. */
  phonePolicy: PhonePolicy;
  logLevel: string;
  /** How many requests a key may send whose partner has no limit of its own; undefined for any number. */
  rateLimit: RateLimit | undefined;
  /** The reverse proxies whose word is taken for where a request comes from; none for nobody's. */
  trustedProxies: TrustedProxies;
  /** Maximum number of connections of one address; trusted proxies may have any number. */
  connectionsPerAddress: number;
  /** Where Prometheus reads the metrics; undefined for nowhere. */
  metrics: { host: string; port: number } | undefined;
  /** To whom a weakness is reported (RFC 9116); undefined for nobody. */
  securityContact: string | undefined;
  /** Whether an empty store gets a partner, a type and a key to begin with. */
  bootstrap: boolean;
  /** Whether this process hands due leads over, or leaves them to another. */
  dispatch: boolean;
  /** Whom due leads are handed to; undefined for nobody. */
  dialler: Dialler | undefined;
  /** How many leads are on their way to the dialler at once, at most. */
  diallerConcurrency: number;
  /** How long the dialler may take to answer, in milliseconds. */
  diallerTimeout: number;
  /** How late a lead may be rung, in milliseconds; undefined for however late. */
  dialWithin: number | undefined;
}

/** How many requests a second a key may send where the operator says nothing. */
const defaultRate = 100;

const portRange = 'a port, from 0 (any that is free) to 65535';

const port = makeExactValidator<number>((text) => {
  const number = portIn(text);
  if (number !== undefined) return number;
  throw new Error(portRange);
});

const metricsPort = makeExactValidator<number | 'off'>((text) => {
  if (text === 'off') return 'off';
  const number = portIn(text);
  if (number !== undefined) return number;
  throw new Error(`off, or ${portRange}`);
});

const contact = makeExactValidator<string>((written) => {
  if (written === 'off') return 'off';
  if (/^(mailto:|https:\/\/|tel:)\S+$/.test(written)) return written;
  throw new Error(
    'off, or an address such as mailto:security@leads.example or https://leads.example/security',
  );
});

const address = makeExactValidator<string>((written) => {
  if (written.trim() !== '') return written;
  throw new Error('an address of this machine, such as 127.0.0.1 or 0.0.0.0');
});

const storeUrl = makeExactValidator<string>((url) => {
  if (isStoreUrl(url)) return url;
  throw new Error(
    'sqlite: and a file, such as sqlite:data/leads.db, or postgres://user:password@host/database',
  );
});

const country = makeExactValidator<CountryCode>((written) => {
  const code = written.toUpperCase();
  if (isCountry(code)) return code;
  throw new Error('a country code of two letters, such as GB or DE');
});

const countries = makeExactValidator<readonly CountryCode[] | 'all'>((written) => {
  if (written === 'all') return 'all';
  const codes = written.split(',').map((each) => each.trim().toUpperCase());
  if (codes.every(isCountry)) return codes;
  throw new Error('all, or country codes of two letters with commas between them, such as GB,IE');
});

const special = makeExactValidator<readonly SpecialNumber[]>((written) => {
  if (written === 'off') return [];
  const named = written.split(',').map((each) => each.trim());
  const known = specialNumbers.filter((kind) => named.includes(kind));
  if (named.every((each) => known.some((kind) => kind === each))) return known;
  throw new Error(`off, or one or more of ${specialNumbers.join(', ')} with commas between them`);
});

const dialWithin = makeExactValidator<number | 'off'>((written) => {
  if (written === 'off') return 'off';
  try {
    return parseDuration(written);
  } catch {
    throw new Error('off, or a duration such as 24h or 90m');
  }
});

const requestsPerSecond = makeExactValidator<number | 'off'>((written) => {
  if (written === 'off') return 'off';
  const number = Number(written);
  if (/^[0-9]+$/.test(written) && number >= 1 && number <= maxPerSecond) return number;
  throw new Error(`off, or a number of requests a second, from 1 to ${maxPerSecond}`);
});

const proxies = makeExactValidator<TrustedProxies>((written) => {
  if (written === 'off') return [];
  const trusted = written.split(',').map((each) => each.trim());
  try {
    addressReader(trusted);
    return trusted;
  } catch {
    throw new Error('off, or addresses and networks such as 10.0.0.0/8, with commas between them');
  }
});

/** Adds the variables of the file `.env` in the working directory, if there is one, to those of the environment. */
export function readEnvironmentFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

/**
 * Reads the configuration from the environment, and from the file `.env` of the working directory
 * where there is one: a variable of the environment goes before one of the file.
 *
 * @throws {ConfigError} naming each variable that is wrong, and what it should be
 */
export async function readConfig(environment: NodeJS.ProcessEnv = process.env): Promise<Config> {
  if (environment === process.env) readEnvironmentFile();
  const variables = readVariables(environment, {
    PORT: port({ default: 3000 }),
    HOST: address({ default: '127.0.0.1' }),
    DATABASE_URL: storeUrl({ default: 'sqlite:data/leads.db' }),
    DATABASE_CONNECTIONS: count('connections', 1_000)({ default: 10 }),
    DEFAULT_COUNTRY: country({ default: 'GB' }),
    ALLOWED_COUNTRIES: countries({ default: 'all' }),
    ALLOWED_SPECIAL_NUMBERS: special({ default: [] }),
    LOG_LEVEL: oneOf(logLevels)({ default: 'info' }),
    RATE_LIMIT: requestsPerSecond({ default: defaultRate }),
    RATE_LIMIT_BURST: count('requests', maxBurst)({ default: undefined }),
    TRUST_PROXY: proxies({ default: [] }),
    CONNECTIONS_PER_ADDRESS: count('connections', 1_000_000)({ default: 1_000 }),
    METRICS_PORT: metricsPort({ default: 'off' }),
    METRICS_HOST: address({ default: '127.0.0.1' }),
    SECURITY_CONTACT: contact({ default: 'off' }),
    BOOTSTRAP: oneOf(['on', 'off'])({ default: 'on' }),
    DISPATCH: oneOf(['on', 'off'])({ default: 'on' }),
    DIALLER: oneOf(['none', ...Object.keys(diallers)])({ default: 'none' }),
    DIALLER_CONCURRENCY: count('leads', 1_000)({ default: 20 }),
    DIALLER_TIMEOUT: count('milliseconds', 300_000)({ default: 10_000 }),
    DIAL_WITHIN: dialWithin({ default: 'off' }),
  });
  const parsePhone = phoneParser(variables.DEFAULT_COUNTRY);
  const createDialler = await diallers[variables.DIALLER]?.();
  const { DIALLER_CONCURRENCY: concurrency, DIALLER_TIMEOUT: timeout } = variables;
  const perSecond = unlessOff(variables.RATE_LIMIT);
  const readAt = unlessOff(variables.METRICS_PORT);
  return {
    port: variables.PORT,
    host: variables.HOST,
    databaseUrl: variables.DATABASE_URL,
    databaseConnections: variables.DATABASE_CONNECTIONS,
    defaultCountry: variables.DEFAULT_COUNTRY,
    phonePolicy: {
      countries: variables.ALLOWED_COUNTRIES === 'all' ? undefined : new Set(variables.ALLOWED_COUNTRIES),
      special: new Set(variables.ALLOWED_SPECIAL_NUMBERS),
    },
    logLevel: variables.LOG_LEVEL,
    rateLimit: perSecond === undefined ? undefined : rateLimit(perSecond, variables.RATE_LIMIT_BURST),
    trustedProxies: variables.TRUST_PROXY,
    connectionsPerAddress: variables.CONNECTIONS_PER_ADDRESS,
    metrics: readAt === undefined ? undefined : { host: variables.METRICS_HOST, port: readAt },
    securityContact: unlessOff(variables.SECURITY_CONTACT),
    bootstrap: variables.BOOTSTRAP === 'on',
    dispatch: variables.DISPATCH === 'on',
    dialler: createDialler?.(environment, { parsePhone, concurrency, timeout }),
    diallerConcurrency: concurrency,
    diallerTimeout: timeout,
    dialWithin: unlessOff(variables.DIAL_WITHIN),
  };
}

function portIn(text: string): number | undefined {
  const number = Number(text);
  return /^[0-9]+$/.test(text) && number <= 65_535 ? number : undefined;
}

/** A validator must give something, so `off` stays a word until here. */
function unlessOff<Value>(value: Value | 'off'): Value | undefined {
  return value === 'off' ? undefined : value;
}
