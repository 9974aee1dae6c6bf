import { newIdentifier } from '../../leads/identifier.ts';
import type { OwnConnection, PostgresDatabase, Statement } from './connection/database.ts';

const channel = 'lead_due';

/**
 * Other processes are told of new due leads at most this often, in milliseconds: notifications of all
 * transactions of a database stand in one line, so one for each would hold up the commits.
 */
const announcementPause = 20;

/** A lead that is due later than this from now is found in time by who asks now and then, in milliseconds. */
const soon = 1_000;

const notify: Statement = { name: 'notify', text: `SELECT pg_notify('${channel}', $1)` };

/** Tells dispatchers, of this process and of others, that there may be a lead to claim. */
export class LeadNotifications {
  readonly #database: PostgresDatabase;
  readonly #reconnectPause: number;
  /** By which this process knows its own announcements. */
  readonly #name = newIdentifier();
  readonly #listeners = new Set<() => void>();
  /** The connection that listens, or is being made to; undefined before the first listener and between two. */
  #connection: OwnConnection | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #announcing: Promise<void> | undefined;
  #isListening = false;
  #isClosed = false;

  /** @param reconnectPause before a connection that was lost is made again (ms) */
  constructor(database: PostgresDatabase, reconnectPause: number) {
    this.#database = database;
    this.#reconnectPause = reconnectPause;
  }

  /** Calls `wake` after each announcement, until the function that is returned is called. */
  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    if (!this.#isListening) void this.#connect();
    this.#isListening = true;
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
    this.#connection?.cut();
    await this.#announcing;
  }

  #wake(): void {
    for (const wake of this.#listeners) wake();
  }

  async #announce(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, announcementPause));
    this.#announcing = undefined;
    // Where it fails, the dispatchers find the lead when they next ask.
    await this.#database.readOnce(notify, [this.#name]).catch(() => {});
  }

  /**
   * A pooler forwards no notifications: behind one the dispatchers only poll. A client emits `end` exactly once,
   * however its connection ended, so that is the only place from which the next connection is made.
   */
  async #connect(): Promise<void> {
    if (this.#database.isPooled) return;
    const connection = this.#database.ownConnection();
    this.#connection = connection;
    const { client, cut } = connection;
    client.on('notification', ({ payload }) => {
      if (payload !== this.#name) this.#wake();
    });
    client.once('end', () => this.#reconnect());
    client.on('error', cut);
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
    } catch {
      // The store's own statements report why PostgreSQL does not respond.
      cut();
    }
  }

  #reconnect(): void {
    this.#connection = undefined;
    if (this.#isClosed) return;
    this.#reconnecting = setTimeout(() => void this.#connect(), this.#reconnectPause).unref();
  }
}
