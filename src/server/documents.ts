import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { AddressRateLimiter } from './address-rate-limiter.ts';
import type { ReadAddress } from './client-address.ts';
import { json, newRequestId } from './respond.ts';

/** A static document that needs no key. */
export interface Document {
  /** Shared by all responses, so that an unread response does not hold a copy. */
  bytes: Buffer;
  headers: Readonly<Record<string, string>>;
}

/** Rate limit of downloads per address. */
const downloadLimit = { burst: 20, perSecond: 1 };

/** Default maximum total size of the documents that clients have not read (bytes). */
const defaultMaxUnread = 128 * 1024 * 1024;

/** Maximum time for a client to read a document (ms). */
const readTimeout = 60_000;

/** Time after which a connection with a later request in flight is checked again (ms). */
const busyDelay = 1_000;

/** What was sent on a connection. */
interface Sent {
  bytes: number;
  /** The response with the latest document. */
  response: ServerResponse;
}

/**
 * Serves documents within a memory limit, because they are a thousand times as large as other responses. The system
 * buffers what a client has not read, and does not report when it has read it. Everything sent on a connection is
 * therefore counted as unread until the connection is closed: after a minute, unless a later request on it is in flight.
 * Above the limit, the oldest such connection is reset.
 */
export class Documents {
  readonly #readAddress: ReadAddress;
  readonly #maxUnread: number;
  readonly #downloads = new AddressRateLimiter(downloadLimit);
  readonly #sent = new Map<Socket, Sent>();
  #unread = 0;

  constructor(readAddress: ReadAddress, maxUnread: number = defaultMaxUnread) {
    this.#readAddress = readAddress;
    this.#maxUnread = maxUnread;
  }

  /** Returns the response with a document, or 429 if the client's address has downloaded too many. */
  serve({ env, req }: Context<{ Bindings: HttpBindings }>, { bytes, headers }: Document): Response {
    if (!this.#downloads.consume(this.#readAddress(env.incoming))) {
      return json(429, { error: 'Too many downloads from this address.' }, newRequestId(), {
        'Retry-After': '1',
      });
    }
    if (req.method !== 'HEAD') this.#count(env.incoming.socket, env.outgoing, bytes.length);
    return new Response(bytes, { headers: { ...headers, 'Request-Id': newRequestId() } });
  }

  #count(socket: Socket, response: ServerResponse, bytes: number): void {
    const previous = this.#sent.get(socket);
    this.#sent.set(socket, { bytes: (previous?.bytes ?? 0) + bytes, response });
    this.#unread += bytes;
    if (previous === undefined) this.#resetLater(socket);
    for (const oldest of this.#sent.keys()) {
      if (this.#unread <= this.#maxUnread || oldest === socket) break;
      this.#release(oldest);
      oldest.resetAndDestroy();
    }
  }

  /** Resets a connection after a minute, but not while a later request on it, such as one with a lead, is in flight. */
  #resetLater(socket: Socket): void {
    const reset = () => {
      if (isBusy(socket, this.#sent.get(socket)?.response)) timer = setTimeout(reset, busyDelay).unref();
      // A reset lets the system drop what the client has not read.
      else socket.resetAndDestroy();
    };
    let timer = setTimeout(reset, readTimeout).unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#release(socket);
    });
  }

  #release(socket: Socket): void {
    this.#unread -= this.#sent.get(socket)?.bytes ?? 0;
    this.#sent.delete(socket);
  }
}

/** Returns whether a response other than that with the document is in progress on a connection. */
function isBusy(socket: Socket, document: ServerResponse | undefined): boolean {
  // The cast: Node keeps the current response there, but its types do not declare it.
  const { _httpMessage: current } = socket as Socket & { _httpMessage?: ServerResponse | null };
  return current !== undefined && current !== null && current !== document;
}
