import { UserError } from '../errors/user-error.ts';
import type { SettingRecord, Settings } from '../store/settings.ts';
import { isTestStore } from '../store/test-store.ts';
import type { Log } from '../telemetry/log.ts';
import { formatDuration } from '../text/duration.ts';
import { type Config, readConfig } from './config.ts';

/**
 * The variables whose values every server and command of a store must share: two servers that read phone numbers as
 * those of different countries would call the same person twice.
 */
export const settingNames = [
  'ALLOWED_COUNTRIES',
  'ALLOWED_SPECIAL_NUMBERS',
  'CALLS_PER_DAY',
  'DEFAULT_COUNTRY',
  'DIAL_WITHIN',
  'EVIDENCE_RETENTION',
] as const;

export type SettingName = (typeof settingNames)[number];

/** Returns the shared settings of a configuration, each written in one way only. */
function settingsOf(config: Config): Record<SettingName, string> {
  const { countries, special } = config.phonePolicy;
  return {
    ALLOWED_COUNTRIES: countries === undefined ? 'all' : [...countries].toSorted().join(','),
    ALLOWED_SPECIAL_NUMBERS: special.size === 0 ? 'off' : [...special].toSorted().join(','),
    CALLS_PER_DAY: config.callsPerDay === undefined ? 'off' : String(config.callsPerDay),
    DEFAULT_COUNTRY: config.defaultCountry,
    DIAL_WITHIN: config.dialWithin === undefined ? 'off' : formatDuration(config.dialWithin),
    EVIDENCE_RETENTION:
      config.evidenceRetention === undefined ? 'off' : formatDuration(config.evidenceRetention),
  };
}

/** Returns a value of a setting as the store records it. @throws {ConfigError} if it is invalid */
export async function normaliseSetting(name: SettingName, value: string): Promise<string> {
  return settingsOf(await readConfig({ [name]: value }))[name];
}

/**
 * Compares the server's settings with those that the store has recorded, and records those that it has not.
 *
 * @throws {UserError} if they differ
 */
export async function agreeOnSettings(store: Settings, config: Config, log: Log): Promise<void> {
  const own: Readonly<Record<string, string>> = settingsOf(config);
  const known = refuseTestStore(await store.settings());
  const recorded = known.length < settingNames.length ? await record(store, own, known, log) : known;
  const differences = recorded.filter(({ name, value }) => own[name] !== undefined && own[name] !== value);
  if (differences.length === 0) return;
  const lines = differences.map(
    ({ name, value }) =>
      `${name} is ${own[name]} for this server, and ${value} in the store. Set ${name}=${value}, or run \`leads settings set ${name} ${own[name]}\` and restart every server with that value.`,
  );
  throw new UserError(lines.join('\n'));
}

/** Returns the settings of a store. @throws {UserError} if it contains test data, whose leads are never called */
function refuseTestStore(settings: SettingRecord[]): SettingRecord[] {
  if (!isTestStore(settings)) return settings;
  throw new UserError(
    'The store in DATABASE_URL contains test data (TEST_STORE). Set DATABASE_URL to the store of live leads.',
  );
}

/**
 * Records settings. A store that cannot be written, such as a standby, does not prevent the start: /readyz reports it.
 */
async function record(
  store: Settings,
  own: Readonly<Record<string, string>>,
  known: SettingRecord[],
  log: Log,
): Promise<SettingRecord[]> {
  try {
    return await store.recordSettings(own);
  } catch (error) {
    log.warn({ err: error }, 'The settings could not be recorded in the store; the next start records them.');
    return known;
  }
}

/**
 * Returns the environment with the settings that the store has recorded, which take precedence: a command must not
 * depend on the shell that it is run from.
 */
export async function withRecordedSettings(
  environment: NodeJS.ProcessEnv,
  store: Settings,
): Promise<NodeJS.ProcessEnv> {
  const recorded = refuseTestStore(await store.settings());
  return { ...environment, ...Object.fromEntries(recorded.map(({ name, value }) => [name, value])) };
}
