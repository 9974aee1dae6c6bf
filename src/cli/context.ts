import type { Writable } from 'node:stream';
import type { ParsePhone } from '../leads/phone.ts';
import type { Store } from '../store/store.ts';

/** What a command that works on the configured store uses. */
export interface OpenStore {
  store: Store;
  parsePhone: ParsePhone;
  /** Maximum delay of a call after its due time (ms); undefined: no limit. */
  dialWithin: number | undefined;
}

/** The environment of a command. Stores are opened when a command runs, not when its help is printed. */
export interface CommandContext {
  /** Opens the configured store. */
  open(): Promise<OpenStore>;
  /** Returns the URL of the store that an argument names. @throws {UserError} if it is invalid or contains a password */
  storeUrl(argument: string): string;
  /** Opens a store by its URL. */
  openUrl(url: string): Promise<Store>;
  /** Repairs the configured store if `open` rejects it. */
  repair(): Promise<void>;
  out: Writable;
  err: Writable;
}
