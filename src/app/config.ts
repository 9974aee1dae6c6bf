import type { Dialler } from '../delivery/dialler.ts';
import { diallers, diallerVariables } from '../delivery/diallers.ts';
import type { ScreeningService } from '../delivery/screening.ts';
import { screeningServices } from '../delivery/screening-services.ts';
import { withdrawalConcurrency } from '../delivery/withdrawer.ts';
import { ConfigError, count, oneOf, readVariables, text } from '../environment/variables.ts';
import { type CountryCode, phoneParsers } from '../leads/phone.ts';
import type { PhonePolicy } from '../leads/phone-policy.ts';
import type { RateLimit } from '../limits/rate-limit.ts';
import { maxBurst, rateLimit } from '../partners/rate-limit.ts';
import type { TrustedProxies } from '../server/client-address.ts';
import { isInMemory, isSameStore } from '../store/store-url.ts';
import { logLevels } from '../telemetry/log.ts';
import type { Bootstrap } from './bootstrap.ts';
import {
  contactUrl,
  countOrOff,
  countriesOrAll,
  country,
  durationOrOff,
  host,
  networksOrOff,
  port,
  portOrOff,
  proxiesOrOff,
  publicUrlOrOff,
  requestRateOrOff,
  specialNumbersOrOff,
  storeUrl,
  storeUrlOrAuto,
} from './config-validators.ts';
import { type ResultSettings, resultSettings, resultVariables } from './result-settings.ts';

/** The server's configuration. */
export interface Config {
  /** 0: a free port, which the system chooses. */
  port: number;
  host: string;
  databaseUrl: string;
  /** Whether `databaseUrl` is the default, because DATABASE_URL is not set. */
  isDatabaseUrlDefault: boolean;
  /** URL of the store of test data. Undefined: the one next to the store. */
  testStoreUrl: string | undefined;
  /** Maximum number of connections to PostgreSQL. */
  databaseConnections: number;
  /** The country of phone numbers without a country code. */
  defaultCountry: CountryCode;
  /** Which phone numbers the deployment calls. */
  phonePolicy: PhonePolicy;
  logLevel: string;
  /** Rate limit of each key whose partner has no limit set. Undefined: no limit. */
  rateLimit: RateLimit | undefined;
  /** Maximum number of objections (do not call) of a partner on one day. */
  objectionsPerDay: number;
  /** Reverse proxies whose `X-Forwarded-For` is trusted. */
  trustedProxies: TrustedProxies;
  /** Maximum number of connections per address, except for trusted proxies. */
  connectionsPerAddress: number;
  /** Host and port on which the metrics are available. Undefined: none. */
  metrics: { host: string; port: number } | undefined;
  /** Where the results of calls are received, and what they mean. Undefined: none are. */
  results: ResultSettings | undefined;
  /** Contact for security reports (RFC 9116). Undefined: none. */
  securityContact: string | undefined;
  /** Contact for partners, shown on their page. Undefined: none. */
  supportContact: string | undefined;
  /** URL at which partners reach the server, without a slash at its end. Undefined: unknown. */
  publicUrl: string | undefined;
  /** Keys of the store (64 hexadecimal digits each). Undefined: they are in a file. */
  storeKey: string | undefined;
  /** File that contains the keys of the store. Undefined: the default file of an SQLite store. */
  storeKeyFile: string | undefined;
  /** File with the erasures of the store. Undefined: the one next to an SQLite store. */
  erasureLog: string | undefined;
  /** Whether an empty store gets a first partner, type and key. */
  bootstrap: Bootstrap;
  /** Whether this process delivers leads. */
  dispatch: boolean;
  /** The dialler that receives due leads. Undefined: none. */
  dialler: Dialler | undefined;
  /** Maximum number of leads in flight. */
  diallerConcurrency: number;
  /** Maximum time of a delivery attempt (ms). */
  diallerTimeout: number;
  /** Maximum delay of a call after its due time (ms). Undefined: no limit. */
  dialWithin: number | undefined;
  /** Maximum number of leads of a person that are delivered within 24 hours. Undefined: no limit. */
  callsPerDay: number | undefined;
  /** Time for which evidence is kept after the last contact with a person (ms). Undefined: for ever. */
  evidenceRetention: number | undefined;
  /** Networks in which receivers of partners' events may be, although they are not public. */
  webhookNetworks: TrustedProxies;
  /** Service that is asked about each number before it is delivered. Undefined: none. */
  screening: ScreeningService | undefined;
}

/** Default retention period of evidence (ms): six years, with the days of two leap years. */
const sixYears = 2_192 * 86_400_000;

/** Default rate limit of a key (requests per second). */
const defaultRate = 100;

const variables = {
  PORT: port({ default: 3000 }),
  HOST: host({ default: '127.0.0.1' }),
  DATABASE_URL: storeUrl({ default: 'sqlite:data/leads.db' }),
  TEST_STORE: storeUrlOrAuto({ default: 'auto' }),
  DATABASE_CONNECTIONS: count('connections', 1_000)({ default: 10 }),
  DEFAULT_COUNTRY: country({ default: 'GB' }),
  ALLOWED_COUNTRIES: countriesOrAll({ default: 'all' }),
  ALLOWED_SPECIAL_NUMBERS: specialNumbersOrOff({ default: [] }),
  LOG_LEVEL: oneOf(logLevels)({ default: 'info' }),
  RATE_LIMIT: requestRateOrOff({ default: defaultRate }),
  RATE_LIMIT_BURST: count('requests', maxBurst)({ default: undefined }),
  OBJECTIONS_PER_DAY: count('objections', 10_000_000)({ default: 1_000 }),
  TRUST_PROXY: proxiesOrOff({ default: [] }),
  CONNECTIONS_PER_ADDRESS: count('connections', 1_000_000)({ default: 1_000 }),
  METRICS_PORT: portOrOff({ default: 'off' }),
  METRICS_HOST: host({ default: '127.0.0.1' }),
  ...resultVariables,
  SECURITY_CONTACT: contactUrl({ default: 'off' }),
  SUPPORT_CONTACT: contactUrl({ default: 'off' }),
  PUBLIC_URL: publicUrlOrOff({ default: 'off' }),
  STORE_KEY: text({ default: 'off' }),
  STORE_KEY_FILE: text({ default: 'auto' }),
  ERASURE_LOG: text({ default: 'auto' }),
  BOOTSTRAP: oneOf(['auto', 'on', 'off'])({ default: 'auto' }),
  DISPATCH: oneOf(['on', 'off'])({ default: 'on' }),
  DIALLER: oneOf(['none', ...Object.keys(diallers)])({ default: 'none' }),
  DIALLER_CONCURRENCY: count('leads', 1_000)({ default: 20 }),
  DIALLER_TIMEOUT: count('milliseconds', 300_000)({ default: 10_000 }),
  DIAL_WITHIN: durationOrOff({ default: 'off' }),
  CALLS_PER_DAY: countOrOff(1_000)({ default: 3 }),
  SCREENING: oneOf(['auto', ...Object.keys(screeningServices)])({ default: 'auto' }),
  SCREENING_URL: text({ default: 'off' }),
  EVIDENCE_RETENTION: durationOrOff({ default: sixYears }),
  WEBHOOK_ALLOW: networksOrOff({ default: [] }),
};

/** Names of the variables that the configuration consists of, except for those of each dialler. */
export const configVariables: readonly string[] = Object.keys(variables);

/**
 * Reads the configuration from environment variables.
 *
 * @throws {ConfigError} naming each invalid variable, and what it must be
 */
export async function readConfig(environment: NodeJS.ProcessEnv): Promise<Config> {
  const values = readVariables(environment, variables);
  const parsePhone = phoneParsers(values.DEFAULT_COUNTRY).parse;
  // With a URL, nothing is delivered unscreened, even if nobody has named the service.
  const automatic = values.SCREENING_URL === 'off' ? 'none' : 'http';
  const screeningName = values.SCREENING === 'auto' ? automatic : values.SCREENING;
  const createScreening = await screeningServices[screeningName]?.load();
  const createDialler = await diallers[values.DIALLER]?.load();
  const { DIALLER_CONCURRENCY: concurrency, DIALLER_TIMEOUT: timeout } = values;
  const perSecond = undefinedIfOff(values.RATE_LIMIT);
  const metricsPort = undefinedIfOff(values.METRICS_PORT);
  checkStores(values);
  checkEndpoints(values);
  checkUnused(environment, values.DIALLER, screeningName);
  return {
    port: values.PORT,
    host: values.HOST,
    databaseUrl: values.DATABASE_URL,
    isDatabaseUrlDefault: environment['DATABASE_URL'] === undefined,
    testStoreUrl: values.TEST_STORE === 'auto' ? undefined : values.TEST_STORE,
    databaseConnections: values.DATABASE_CONNECTIONS,
    defaultCountry: values.DEFAULT_COUNTRY,
    phonePolicy: {
      countries: values.ALLOWED_COUNTRIES === 'all' ? undefined : new Set(values.ALLOWED_COUNTRIES),
      special: new Set(values.ALLOWED_SPECIAL_NUMBERS),
    },
    logLevel: values.LOG_LEVEL,
    rateLimit: perSecond === undefined ? undefined : rateLimit(perSecond, values.RATE_LIMIT_BURST),
    objectionsPerDay: values.OBJECTIONS_PER_DAY,
    trustedProxies: values.TRUST_PROXY,
    connectionsPerAddress: values.CONNECTIONS_PER_ADDRESS,
    metrics: metricsPort === undefined ? undefined : { host: values.METRICS_HOST, port: metricsPort },
    results: resultSettings(values),
    securityContact: undefinedIfOff(values.SECURITY_CONTACT),
    supportContact: undefinedIfOff(values.SUPPORT_CONTACT),
    publicUrl: undefinedIfOff(values.PUBLIC_URL),
    storeKey: undefinedIfOff(values.STORE_KEY),
    storeKeyFile: values.STORE_KEY_FILE === 'auto' ? undefined : values.STORE_KEY_FILE,
    erasureLog: values.ERASURE_LOG === 'auto' ? undefined : values.ERASURE_LOG,
    bootstrap: values.BOOTSTRAP,
    dispatch: values.DISPATCH === 'on',
    dialler: createDialler?.(environment, {
      parsePhone,
      concurrency: concurrency + withdrawalConcurrency(concurrency),
      timeout,
    }),
    diallerConcurrency: concurrency,
    diallerTimeout: timeout,
    screening: createScreening?.(environment),
    dialWithin: undefinedIfOff(values.DIAL_WITHIN),
    callsPerDay: undefinedIfOff(values.CALLS_PER_DAY),
    evidenceRetention: undefinedIfOff(values.EVIDENCE_RETENTION),
    webhookNetworks: values.WEBHOOK_ALLOW,
  };
}

/**
 * Checks that nothing is set which would not be used, although it looks as if it were.
 *
 * @throws {ConfigError} naming each such variable
 */
function checkUnused(environment: NodeJS.ProcessEnv, dialler: string, screening: string): void {
  const problems: string[] = [];
  const own = diallers[dialler]?.variables ?? [];
  // Without a dialler that has variables, those of another one are only switched off.
  const ofOthers = own.length === 0 ? [] : diallerVariables.filter((name) => !own.includes(name));
  for (const name of ofOthers) {
    if (!environment[name]) continue;
    problems.push(`${name} is set, but DIALLER=${dialler} does not read it. Remove it, or correct DIALLER.`);
  }
  if (environment['SCREENING_SECRET'] && screening === 'none') {
    problems.push(
      'SCREENING_SECRET is set, but SCREENING_URL is not, so no service would be asked. Set SCREENING_URL, or remove SCREENING_SECRET.',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
}

/** Checks that test data have a store of their own. @throws {ConfigError} if not */
function checkStores(values: { DATABASE_URL: string; TEST_STORE: string }): void {
  const { DATABASE_URL: live, TEST_STORE: test } = values;
  if (test === 'auto' || !isSameStore(live, test) || isInMemory(test)) return;
  throw new ConfigError(
    'TEST_STORE and DATABASE_URL are the same store, so test data would be mixed with live leads. Set TEST_STORE to another store, or remove it.',
  );
}

/** An address that the server listens on, by its variables. */
interface Endpoint {
  name: string;
  port: number | 'off';
  host: string;
}

/** Checks that no two servers have the same port. @throws {ConfigError} if not */
function checkEndpoints(values: {
  PORT: number;
  HOST: string;
  METRICS_PORT: number | 'off';
  METRICS_HOST: string;
  RESULTS_PORT: number | 'off';
  RESULTS_HOST: string;
}): void {
  const endpoints: Endpoint[] = [
    { name: 'PORT', port: values.PORT, host: values.HOST },
    { name: 'METRICS_PORT', port: values.METRICS_PORT, host: values.METRICS_HOST },
    { name: 'RESULTS_PORT', port: values.RESULTS_PORT, host: values.RESULTS_HOST },
  ];
  for (const [index, one] of endpoints.entries()) {
    const other = endpoints.slice(0, index).find((earlier) => isSameEndpoint(earlier, one));
    if (other === undefined) continue;
    throw new ConfigError(
      `${one.name} and ${other.name} are both ${one.port}. Set ${one.name} to a different port.`,
    );
  }
}

function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  const isAny = [one.host, other.host].some((host) => host === '0.0.0.0' || host === '::');
  const isPort = one.port !== 'off' && one.port !== 0;
  return isPort && one.port === other.port && (isAny || one.host === other.host);
}

function undefinedIfOff<Value>(value: Value | 'off'): Value | undefined {
  return value === 'off' ? undefined : value;
}
