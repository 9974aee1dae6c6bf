import { newIdentifier } from '../../leads/identifier.ts';
import type { DedicatedConnection } from './connection/connections.ts';
import type { PostgresDatabase, Statement } from './connection/database.ts';

/**
 * Minimum time between two notifications of this process (ms). PostgreSQL serialises the commits of transactions that
 * notify, so one notification per lead would slow down all commits.
 */
const notifyInterval = 20;

/** Leads due later than this are not announced to other processes (ms): their polling finds them in time. */
const announcedWithin = 1_000;

/** `$1` is the channel, `$2` the payload. */
const notify: Statement = { name: 'notify', text: 'SELECT pg_notify($1, $2)' };

/** `lead_due`: there may be a lead to claim. `withdrawal`: a withdrawal has begun or ended. */
type Channel = 'lead_due' | 'withdrawal';

/** Notifies this process, and others, of changes. */
export class LeadNotifications {
  readonly #database: PostgresDatabase;
  readonly #channel: Channel;
  readonly #reconnectDelay: number;
  /** Payload by which this process recognises its own notifications. */
  readonly #sender = newIdentifier();
  readonly #listeners = new Set<() => void>();
  /** The connection that listens or is being established. Undefined: no subscription yet, or waiting to reconnect. */
  #connection: DedicatedConnection | undefined;
  #reconnecting: NodeJS.Timeout | undefined;
  #notifying: Promise<void> | undefined;
  #isListening = false;
  #isClosed = false;

  /** @param reconnectDelay time before a lost connection is re-established (ms) */
  constructor(database: PostgresDatabase, channel: Channel, reconnectDelay: number) {
    this.#database = database;
    this.#channel = channel;
    this.#reconnectDelay = reconnectDelay;
  }

  /** Calls `wake` after each announcement, by this process or another. Returns an unsubscribe function. */
  subscribe(wake: () => void): () => void {
    this.#listeners.add(wake);
    if (!this.#isListening) void this.#connect();
    this.#isListening = true;
    return () => void this.#listeners.delete(wake);
  }

  /** Announces a lead. @param dueAt when it can be claimed (ms since 1970) */
  announce(dueAt: number): void {
    this.#wake();
    if (dueAt > Date.now() + announcedWithin) return;
    this.#notifying ??= this.#notifyOthers();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#reconnecting);
    this.#connection?.destroy();
    await this.#notifying;
  }

  #wake(): void {
    for (const wake of this.#listeners) wake();
  }

  async #notifyOthers(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, notifyInterval));
    this.#notifying = undefined;
    // If this fails, the dispatchers find the lead at their next poll.
    await this.#database.runOnce(notify, [this.#channel, this.#sender]).catch(() => {});
  }

  /**
   * Connects and listens. A pooler does not forward notifications, so dispatchers behind one only poll. A client emits
   * `end` exactly once, however its connection ended, so only that event triggers a reconnection.
   */
  async #connect(): Promise<void> {
    if (this.#database.isPooled) return;
    const connection = this.#database.dedicatedConnection();
    this.#connection = connection;
    const { client, destroy } = connection;
    client.on('notification', ({ payload }) => {
      if (payload !== this.#sender) this.#wake();
    });
    client.once('end', () => this.#reconnect());
    client.on('error', destroy);
    try {
      await client.connect();
      await client.query(`LISTEN ${this.#channel}`);
    } catch {
      // The store's own statements report why PostgreSQL does not respond.
      destroy();
    }
  }

  #reconnect(): void {
    this.#connection = undefined;
    if (this.#isClosed) return;
    this.#reconnecting = setTimeout(() => void this.#connect(), this.#reconnectDelay).unref();
  }
}
