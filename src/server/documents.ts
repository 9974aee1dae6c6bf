import type { Socket } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { AddressBudget } from './address-budget.ts';
import type { ReadAddress } from './client-address.ts';
import { json, newRequestId } from './respond.ts';

/** A static document that needs no key. */
export interface Document {
  /** One buffer for all responses, so that unread responses take no memory of their own. */
  bytes: Buffer;
  headers: Readonly<Record<string, string>>;
}

/** Maximum number of downloads per address. */
const downloadLimit = { burst: 20, perSecond: 1 };

/** Maximum number of bytes that were sent and may be unread. */
const defaultMaxUnread = 128 * 1024 * 1024;

/** Maximum time for a client to read a document (ms). */
const readTimeout = 60_000;

/**
 * Serves documents, which are a thousand times as large as other responses, within a memory limit. The system buffers
 * what a client has not read, and nothing reports when it has: a connection therefore counts everything it was sent until
 * it is closed, after a minute at the latest. Above the limit, the connection that was served first is reset.
 */
export class Documents {
  readonly #readAddress: ReadAddress;
  readonly #maxUnread: number;
  readonly #budget = new AddressBudget(downloadLimit);
  readonly #sent = new Map<Socket, number>();
  #unread = 0;

  constructor(readAddress: ReadAddress, maxUnread: number = defaultMaxUnread) {
    this.#readAddress = readAddress;
    this.#maxUnread = maxUnread;
  }

  /** Returns the response with a document, or 429 if the client's address has downloaded too many. */
  serve({ env, req }: Context<{ Bindings: HttpBindings }>, { bytes, headers }: Document): Response {
    if (!this.#budget.consume(this.#readAddress(env.incoming))) {
      return json(429, { error: 'Too many downloads from this address.' }, newRequestId(), {
        'Retry-After': '1',
      });
    }
    if (req.method !== 'HEAD') this.#count(env.incoming.socket, bytes.length);
    return new Response(bytes, { headers: { ...headers, 'Request-Id': newRequestId() } });
  }

  #count(socket: Socket, bytes: number): void {
    const previous = this.#sent.get(socket);
    this.#sent.set(socket, (previous ?? 0) + bytes);
    this.#unread += bytes;
    if (previous === undefined) {
      // A reset lets the system drop what the client has not read.
      const timer = setTimeout(() => socket.resetAndDestroy(), readTimeout).unref();
      socket.once('close', () => {
        clearTimeout(timer);
        this.#release(socket);
      });
    }
    for (const oldest of this.#sent.keys()) {
      if (this.#unread <= this.#maxUnread || oldest === socket) break;
      this.#release(oldest);
      oldest.resetAndDestroy();
    }
  }

  #release(socket: Socket): void {
    this.#unread -= this.#sent.get(socket) ?? 0;
    this.#sent.delete(socket);
  }
}
