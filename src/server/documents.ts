import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { acceptedBytes } from './accepted-bytes.ts';
import { AddressRateLimiter } from './address-rate-limiter.ts';
import type { ReadAddress } from './client-address.ts';
import { type Document, isCurrent, type Representation, representationOf } from './document.ts';
import { json, newRequestId } from './respond.ts';

/** Rate limit of downloads per address. */
const downloadLimit = { burst: 20, perSecond: 1 };

/** Default maximum total size of the documents that clients have not read (bytes). */
const defaultMaxUnread = 128 * 1024 * 1024;

/** Time between two checks of the connections on which documents were sent (ms). */
const checkInterval = 5_000;

/** Maximum time for a client to read a document (ms). */
const readTimeout = 60_000;

/** The documents that were sent on a connection. */
interface SentDocuments {
  bytes: number;
  /** The response with the latest document. */
  response: ServerResponse;
  /** Time from the first document to the last check (ms). */
  age: number;
  /** Number of bytes that the system had accepted at the last check. */
  accepted: number;
  /** Whether it accepted more between the last two checks. */
  isBeingRead: boolean;
}

/**
 * Serves documents within a memory limit, because they are a thousand times as large as other responses. The system
 * buffers what a client has not read, and does not report when it has read it. Everything sent on a connection is
 * therefore counted as unread until the connection is closed: after a minute, unless a later request on it is in
 * flight. Above the limit, the oldest such connection that is not being read is reset, or else the oldest of all.
 */
export class Documents {
  readonly #readAddress: ReadAddress;
  readonly #maxUnread: number;
  readonly #downloads = new AddressRateLimiter(downloadLimit);
  readonly #sent = new Map<Socket, SentDocuments>();
  #unread = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(readAddress: ReadAddress, maxUnread: number = defaultMaxUnread) {
    this.#readAddress = readAddress;
    this.#maxUnread = maxUnread;
  }

  /** Returns the response with a document, 304 if the client has it, or 429 if its address has downloaded too many. */
  serve({ env, req }: Context<{ Bindings: HttpBindings }>, document: Document): Response | Promise<Response> {
    if (!this.#downloads.consume(this.#readAddress(env.incoming))) {
      return json(429, { error: 'Too many downloads from this address.' }, newRequestId(), {
        'Retry-After': '1',
      });
    }
    if (isCurrent(document, req.header('If-None-Match'))) {
      const { headers } = document;
      return new Response(null, { status: 304, headers: { ...headers, 'Request-Id': newRequestId() } });
    }
    const respond = ({ bytes, headers }: Representation) => {
      const { socket } = env.incoming;
      // The client may have left while the document was compressed.
      if (req.method !== 'HEAD' && !socket.destroyed) this.#count(socket, env.outgoing, bytes.length);
      // A response to HEAD has no body that the length could be taken from.
      const length = { 'Content-Length': String(bytes.length) };
      return new Response(bytes, { headers: { ...headers, ...length, 'Request-Id': newRequestId() } });
    };
    const representation = representationOf(document, req.header('Accept-Encoding'));
    return 'then' in representation ? representation.then(respond) : respond(representation);
  }

  #count(socket: Socket, response: ServerResponse, bytes: number): void {
    const previous = this.#sent.get(socket);
    this.#unread += bytes;
    if (previous === undefined) {
      this.#sent.set(socket, {
        bytes,
        response,
        age: 0,
        accepted: acceptedBytes(socket),
        isBeingRead: false,
      });
      socket.once('close', () => this.#release(socket));
      this.#timer ??= this.#checkLater();
    } else {
      previous.bytes += bytes;
      previous.response = response;
    }
    this.#resetOldest(socket, ({ isBeingRead }) => !isBeingRead);
    this.#resetOldest(socket, () => true);
  }

  /** Resets the oldest matching connections, except for one, until the limit is met. */
  #resetOldest(except: Socket, matches: (sent: SentDocuments) => boolean): void {
    for (const [socket, sent] of this.#sent) {
      if (this.#unread <= this.#maxUnread) return;
      if (socket === except || !matches(sent)) continue;
      this.#release(socket);
      // A reset lets the system drop what the client has not read.
      socket.resetAndDestroy();
    }
  }

  #checkLater(): NodeJS.Timeout {
    return setTimeout(() => {
      for (const [socket, sent] of this.#sent) this.#check(socket, sent);
      this.#timer = this.#sent.size > 0 ? this.#checkLater() : undefined;
    }, checkInterval).unref();
  }

  /** Resets a connection after a minute, but not while a later request on it, such as one with a lead, is in flight. */
  #check(socket: Socket, sent: SentDocuments): void {
    const accepted = acceptedBytes(socket);
    sent.isBeingRead = accepted > sent.accepted;
    sent.accepted = accepted;
    sent.age += checkInterval;
    if (sent.age >= readTimeout && !isBusy(socket, sent.response)) socket.resetAndDestroy();
  }

  #release(socket: Socket): void {
    this.#unread -= this.#sent.get(socket)?.bytes ?? 0;
    this.#sent.delete(socket);
  }
}

/** Returns whether a connection has a response in progress that is later than that with the latest document. */
function isBusy(socket: Socket, documentResponse: ServerResponse): boolean {
  // The cast: Node keeps the current response there (null: none), but its types do not declare it.
  const { _httpMessage: current } = socket as Socket & { _httpMessage: ServerResponse | null };
  return documentResponse.closed && current !== null;
}
