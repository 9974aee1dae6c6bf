import { existsSync } from 'node:fs';
import { makeExactValidator } from 'envalid';
import type { Dialler } from './dialler/dialler.ts';
import { diallers } from './dialler/diallers.ts';
import { readDuration } from './environment/duration.ts';
import { count, oneOf, readVariables } from './environment/variables.ts';
import { type CountryCode, isCountry, phoneReader } from './leads/phone.ts';
import { isStoreUrl } from './store/open.ts';
import { logLevels } from './telemetry/log.ts';

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
  logLevel: string;
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

const port = makeExactValidator<number>((text) => {
  const number = Number(text);
  if (/^[0-9]+$/.test(text) && number <= 65_535) return number;
  throw new Error('a port, from 0 (any that is free) to 65535');
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

const dialWithin = makeExactValidator<number | undefined>((written) => {
  if (written === 'off') return undefined;
  try {
    return readDuration(written);
  } catch {
    throw new Error('off, or a duration such as 24h or 90m');
  }
});

/**
 * Reads the configuration from the environment, and from the file `.env` of the working directory
 * where there is one: a variable of the environment goes before one of the file.
 *
 * @throws {ConfigError} naming each variable that is wrong, and what it should be
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  if (environment === process.env && existsSync('.env')) process.loadEnvFile('.env');
  const variables = readVariables(environment, {
    PORT: port({ default: 3000 }),
    HOST: address({ default: '127.0.0.1' }),
    DATABASE_URL: storeUrl({ default: 'sqlite:data/leads.db' }),
    DATABASE_CONNECTIONS: count('connections', 1_000)({ default: 10 }),
    DEFAULT_COUNTRY: country({ default: 'GB' }),
    LOG_LEVEL: oneOf(logLevels)({ default: 'info' }),
    BOOTSTRAP: oneOf(['on', 'off'])({ default: 'on' }),
    DISPATCH: oneOf(['on', 'off'])({ default: 'on' }),
    DIALLER: oneOf(['none', ...Object.keys(diallers)])({ default: 'none' }),
    DIALLER_CONCURRENCY: count('leads', 1_000)({ default: 20 }),
    DIALLER_TIMEOUT: count('milliseconds', 300_000)({ default: 10_000 }),
    DIAL_WITHIN: dialWithin({ default: undefined }),
  });
  const readPhone = phoneReader(variables.DEFAULT_COUNTRY);
  return {
    port: variables.PORT,
    host: variables.HOST,
    databaseUrl: variables.DATABASE_URL,
    databaseConnections: variables.DATABASE_CONNECTIONS,
    defaultCountry: variables.DEFAULT_COUNTRY,
    logLevel: variables.LOG_LEVEL,
    bootstrap: variables.BOOTSTRAP === 'on',
    dispatch: variables.DISPATCH === 'on',
    dialler: diallers[variables.DIALLER]?.(environment, readPhone),
    diallerConcurrency: variables.DIALLER_CONCURRENCY,
    diallerTimeout: variables.DIALLER_TIMEOUT,
    dialWithin: variables.DIAL_WITHIN,
  };
}
