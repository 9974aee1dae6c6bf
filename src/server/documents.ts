import type { Socket } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { AddressBudget } from './address-budget.ts';
import type { ReadAddress } from './client-address.ts';
import { json, newRequestId } from './respond.ts';

/** What is served as it is to everybody who asks. */
export interface Document {
  /** One buffer for all responses: what is not read yet is not held once more. */
  bytes: Buffer;
  headers: Readonly<Record<string, string>>;
}

/** How many documents one address may download. */
const downloads = { burst: 20, perSecond: 1 };

/** Maximum number of bytes that clients were sent and may not have read. */
const defaultMaxUnread = 128 * 1024 * 1024;

/** How long a client has to read a document (ms). */
const readTimeout = 60_000;

/**
 * Serves documents, which are a thousand times as large as other responses. What a client has not read is held by the
 * system, and nothing tells when it has: so each connection counts with what it was sent until it is closed, which is a
 * minute later at the latest. Beyond a limit in all, the connection that has counted the longest is reset.
 */
export class Documents {
  readonly #readAddress: ReadAddress;
  readonly #maxUnread: number;
  readonly #budget = new AddressBudget(downloads);
  readonly #sent = new Map<Socket, number>();
  #unread = 0;

  constructor(readAddress: ReadAddress, maxUnread: number = defaultMaxUnread) {
    this.#readAddress = readAddress;
    this.#maxUnread = maxUnread;
  }

  /** The response with a document, or 429 where the client's address has downloaded too many. */
  serve({ env, req }: Context<{ Bindings: HttpBindings }>, { bytes, headers }: Document): Response {
    if (!this.#budget.take(this.#readAddress(env.incoming))) {
      return json(429, { error: 'Too many downloads from this address.' }, newRequestId(), {
        'Retry-After': '1',
      });
    }
    if (req.method !== 'HEAD') this.#count(env.incoming.socket, bytes.length);
    return new Response(bytes, { headers: { ...headers, 'Request-Id': newRequestId() } });
  }

  #count(socket: Socket, bytes: number): void {
    const before = this.#sent.get(socket);
    this.#sent.set(socket, (before ?? 0) + bytes);
    this.#unread += bytes;
    if (before === undefined) {
      // A reset lets the system drop what was not read.
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
