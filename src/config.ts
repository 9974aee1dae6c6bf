import { existsSync } from 'node:fs';
import { cleanEnv, makeExactValidator } from 'envalid';
import { type CountryCode, isCountry } from './leads/phone.ts';
import { isStoreUrl } from './store/open.ts';
import { logLevels } from './telemetry/log.ts';

/** What the environment decides. */
export interface Config {
  /** Where the server listens; port 0 takes a free one. */
  port: number;
  host: string;
  databaseUrl: string;
  /** The country whose national numbers can be written without a country code. */
  defaultCountry: CountryCode;
  logLevel: string;
  /** Whether an empty store gets a partner, a type and a key to begin with. */
  bootstrap: boolean;
}

/** Variables that are not what they should be; the message has a line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
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
  throw new Error('sqlite: and a file, such as sqlite:data/leads.db');
});

const country = makeExactValidator<CountryCode>((written) => {
  const code = written.toUpperCase();
  if (isCountry(code)) return code;
  throw new Error('a country code of two letters, such as GB or DE');
});

function oneOf<Choice extends string>(choices: readonly Choice[]) {
  return makeExactValidator<Choice>((written) => {
    const choice = choices.find((each) => each === written);
    if (choice !== undefined) return choice;
    throw new Error(`one of ${choices.join(', ')}`);
  });
}

/**
 * Reads the configuration from the environment, and from the file `.env` of the working directory
 * where there is one: a variable of the environment goes before one of the file.
 *
 * @throws {ConfigError} naming each variable that is wrong, and what it should be
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  if (environment === process.env && existsSync('.env')) process.loadEnvFile('.env');
  const variables = cleanEnv(
    environment,
    {
      PORT: port({ default: 3000 }),
      HOST: address({ default: '127.0.0.1' }),
      DATABASE_URL: storeUrl({ default: 'sqlite:data/leads.db' }),
      DEFAULT_COUNTRY: country({ default: 'GB' }),
      LOG_LEVEL: oneOf(logLevels)({ default: 'info' }),
      BOOTSTRAP: oneOf(['on', 'off'])({ default: 'on' }),
    },
    {
      reporter: ({ errors }) => {
        const lines = Object.entries(errors).map(
          ([name, error]) =>
            `${name} should be ${error.message}; it is ${JSON.stringify(environment[name])}.`,
        );
        if (lines.length > 0) throw new ConfigError(lines.join('\n'));
      },
    },
  );
  return {
    port: variables.PORT,
    host: variables.HOST,
    databaseUrl: variables.DATABASE_URL,
    defaultCountry: variables.DEFAULT_COUNTRY,
    logLevel: variables.LOG_LEVEL,
    bootstrap: variables.BOOTSTRAP === 'on',
  };
}
