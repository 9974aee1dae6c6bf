import type { Writable } from 'node:stream';
import type { ParsePhone } from '../leads/phone.ts';
import type { Store } from '../store/store.ts';

/** The configured store, with the settings that commands apply to it. */
export interface OpenStore {
  store: Store;
  parsePhone: ParsePhone;
  /** Maximum delay of a call after its due time (ms); undefined: no limit. */
  dialWithin: number | undefined;
}

/** The environment of a command. A store is opened when a command runs, not when its help is printed. */
export interface CommandContext {
  /** Opens the configured store. */
  open(): Promise<OpenStore>;
  /**
   * Returns the URL of a store from an argument: a URL, or a variable that contains one.
   *
   * @throws {UserError} if it is invalid or contains a password
   */
  storeUrl(argument: string): string;
  /** Opens a store by its URL. */
  openUrl(url: string): Promise<Store>;
  /** Repairs the configured store if `open` rejects it. */
  repair(): Promise<void>;
  /** Standard output. */
  out: Writable;
  /** Standard error. */
  err: Writable;
}
