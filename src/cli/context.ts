import type { Readable, Writable } from 'node:stream';
import type { Config } from '../app/config.ts';
import type { ErasureTools } from '../app/erasures.ts';
import type { LoadedKeys } from '../app/store-keys.ts';
import type { SendEvent } from '../delivery/partner-webhooks/webhook-client.ts';
import type { CountryCode, ParsePhone } from '../leads/phone.ts';
import type { PhonePolicy } from '../leads/phone-policy.ts';
import type { Actor } from '../store/audit.ts';
import type { Schema } from '../store/migrations.ts';
import type { Store } from '../store/store.ts';

/** The configured store, with the settings that commands apply to it. */
export interface OpenStore {
  store: Store;
  parsePhone: ParsePhone;
  /** Country of phone numbers without a country code. */
  defaultCountry: CountryCode;
  /** Which numbers the deployment calls. */
  phonePolicy: PhonePolicy;
  /** Maximum delay of a call after its due time (ms); undefined: no limit. */
  dialWithin: number | undefined;
  /** Maximum number of leads of a person that are delivered within 24 hours; undefined: no limit. */
  callsPerDay: number | undefined;
  /** Time for which evidence is kept (ms); undefined: for ever. */
  evidenceRetention: number | undefined;
  /** Service that is asked about each number before it is delivered; undefined: none. */
  screening: Config['screening'];
  /** Sends an event to the webhook of a partner. */
  sendEvent: SendEvent;
  /** Loads the keys of the store. */
  storeKeys(): Promise<LoadedKeys>;
}

/** The environment of a command. A store is opened when a command runs, not when its help is printed. */
export interface CommandContext {
  /**
   * Opens the configured store.
   *
   * @param isTest whether to open the test data of the store instead
   * @throws {UserError} if there is none, or it needs `leads store migrate`
   */
  open(isTest?: boolean): Promise<OpenStore>;
  /** Opens the test data of the configured store. Undefined: there are none. */
  openTestData(): Promise<Store | undefined>;
  /** Creates the store of test data, unless it exists. @throws {UserError} if that fails, with the remedy */
  createTestData(): Promise<void>;
  /**
   * Returns the URL of a store from an argument: a URL, or a variable that contains one.
   *
   * @throws {UserError} if it is invalid or contains a password
   */
  storeUrl(argument: string): string;
  /** Creates the configured dialler; undefined: there is none. */
  dialler(): Promise<Config['dialler']>;
  /** Returns where results of calls are received; undefined: nowhere. */
  results(): Promise<Config['results']>;
  /** Returns the URL of the configured store (DATABASE_URL). */
  configuredUrl(): Promise<string>;
  /** Opens a store by its URL. @param schema default: `require`, so that a command never creates or migrates a store */
  openUrl(url: string, schema?: Schema): Promise<Store>;
  /** Loads what erasing people from a store of this configuration requires. */
  erasureTools(store: Store): Promise<ErasureTools>;
  /** Returns who runs the command. @throws {UserError} if LEADS_OPERATOR is invalid */
  operator(): Pick<Actor, 'operator' | 'host'>;
  /** How the CLI is called, in help and messages. */
  commandName: string;
  /**
   * Opens the terminal of the process, for a question while standard input contains something else. The caller closes
   * its input. Undefined: there is none.
   */
  openTerminal(): { input: Readable; err: Writable } | undefined;
  /** Standard input. */
  input: Readable;
  /** Standard output. */
  out: Writable;
  /** Standard error. */
  err: Writable;
}
