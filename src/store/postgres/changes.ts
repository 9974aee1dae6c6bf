import type pg from 'pg';
import { newIdentifier } from '../../leads/identifier.ts';
import type { PostgresDatabase, Statement } from './database.ts';

const channel = 'lead_due';

/**
 * Other processes are told of new due leads at most this often, in milliseconds: notifications of all
 * transactions of a database stand in one line, so one for each would hold up the commits.
 */
const announcementPause = 20;

/** A lead that is due later than this from now is found in time by who asks now and then, in milliseconds. */
const soon = 1_000;

/** The pause before a connection that was lost is made again, in milliseconds. */
const reconnectPause = 1_000;

const notify: Statement = { name: 'notify', text: `SELECT pg_notify('${channel}', $1)` };

/** Tells dispatchers, of this process and of others, that there may be a lead to claim. */
export class Changes {
  readonly #database: PostgresDatabase;
  /** By which this process knows its own announcements. */
  readonly #name = newIdentifier();
  readonly #listeners = new Set<() => void>();
  #connection: Promise<pg.Client | undefined> | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #announcing: Promise<void> | undefined;
  #isClosed = false;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  /** Calls `wake` after each announcement, until the function that is returned is called. */
  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    this.#connection ??= this.#connect();
    return () => void this.#listeners.delete(wake);
  }

  /** Says that a lead can be claimed from `dueAt` on, in milliseconds since 1970. */
  announce(dueAt: number): void {
    this.#wake();
    if (dueAt > Date.now() + soon) return;
    this.#announcing ??= this.#announce();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#reconnecting);
    await this.#announcing;
    await (await this.#connection)?.end();
  }

  #wake(): void {
    for (const wake of this.#listeners) wake();
  }

  async #announce(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, announcementPause));
    this.#announcing = undefined;
    // Where it fails, the dispatchers find the lead when they next ask.
    await this.#database.write(notify, [this.#name]).catch(() => {});
  }

  /** A pooler hands on no notifications: behind one the dispatchers only ask now and then. */
  async #connect(): Promise<pg.Client | undefined> {
    if (this.#database.isPooled) return undefined;
    try {
      const client = await this.#database.connect();
      client.on('notification', ({ payload }) => {
        if (payload !== this.#name) this.#wake();
      });
      client.on('error', () => this.#reconnect());
      await client.query(`LISTEN ${channel}`);
      return client;
    } catch {
      // The store's own statements say why PostgreSQL does not answer.
      this.#reconnect();
      return undefined;
    }
  }

  #reconnect(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#reconnecting);
    this.#reconnecting = setTimeout(() => {
      this.#connection = this.#connect();
    }, reconnectPause).unref();
  }
}
