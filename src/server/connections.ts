import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Node, Yallist } from 'yallist';
import { acceptedBytes } from './accepted-bytes.ts';
import type { IsTrustedProxy } from './client-address.ts';
import { networkOf } from './ip-address.ts';
import { endSocket } from './socket-response.ts';

/** Maximum number of connections and concurrent requests. */
export interface ConnectionLimits {
  /** Connections in total. */
  connections: number;
  /** Connections of one address. */
  perAddress: number;
  /** Requests of one address, on all its connections. */
  requestsPerAddress: number;
  /** Requests on one connection, if the client pipelines. */
  pipelined: number;
}

/** An address (IPv6: a /64 network) with connections. */
export class Peer {
  readonly network: string;
  connections = 0;
  /** Number of requests without a complete response. */
  requests = 0;

  constructor(network: string) {
    this.network = network;
  }
}

/** An open connection and its pending responses. */
class Connection {
  readonly socket: Socket;
  /** Undefined for a trusted proxy, which may have any number of clients behind it. */
  readonly peer: Peer | undefined;
  /** Its entry in the list of idle connections. */
  readonly idleEntry = new Node<Connection>(this);
  /** Number of requests without a complete response; more than one if the client pipelines. */
  pending = 0;
  /** The response to the latest request. */
  lastResponse: ServerResponse | undefined;
  /** The latest request, if its response was complete before its body had arrived. */
  unreadRequest: IncomingMessage | undefined;
  /** Whether further requests on it are ignored. */
  isClosing = false;
  /** Whether it is being aborted because its input cannot be read to the end. */
  isAborting = false;
  /** Number of bytes that the system had accepted at the last check. */
  accepted = 0;
  /** Number of consecutive checks at which its client had not read any more of a response. */
  stalledChecks = 0;

  constructor(socket: Socket, peer: Peer | undefined) {
    this.socket = socket;
    this.peer = peer;
  }
}

/** Whether a new connection is accepted. `evicted-idle`: it is accepted, and an idle one was closed to make room. */
export type Admission = 'accepted' | 'evicted-idle' | 'full' | 'full-for-address';

/** Whether a request is processed. `ignored`: its connection is closing. */
export type RequestAdmission = 'accepted' | 'ignored' | 'too-many-from-address';

/**
 * The open connections, with the responses that are pending on each.
 *
 * Each connection counts its responses, and the idle ones form a linked list. A Set whose members change with every
 * request would constantly reallocate its table, and V8 keeps the members of old tables alive.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #isProxy: IsTrustedProxy;
  readonly #open = new Map<Socket, Connection>();
  readonly #peers = new Map<string, Peer>();
  /** Connections without pending responses, in the order in which they became idle. */
  readonly #idle = new Yallist<Connection>();
  #isStopping = false;

  /** @param isProxy whether an address is exempt from the limits per address */
  constructor(limits: ConnectionLimits, isProxy: IsTrustedProxy) {
    this.#limits = limits;
    this.#isProxy = isProxy;
  }

  /**
   * Adds a connection, closing the one that has been idle longest if necessary. The caller must close a refused one.
   */
  open(socket: Socket): Admission {
    const address = socket.remoteAddress ?? '';
    const peer = this.#isProxy(address) ? undefined : this.#peerOf(networkOf(address));
    if (peer !== undefined && peer.connections >= this.#limits.perAddress) return 'full-for-address';
    const isFull = this.#open.size >= this.#limits.connections;
    if (isFull && !this.#closeLongestIdle()) return 'full';
    const connection = new Connection(socket, peer);
    this.#open.set(socket, connection);
    if (peer !== undefined) {
      peer.connections += 1;
      this.#peers.set(peer.network, peer);
    }
    this.#idle.pushNode(connection.idleEntry);
    socket.once('close', () => this.#remove(connection));
    return isFull ? 'evicted-idle' : 'accepted';
  }

  /** Counts a request until its response is sent or aborted. */
  beginRequest(response: ServerResponse): RequestAdmission {
    const connection = this.#open.get(response.req.socket);
    if (connection === undefined || connection.isClosing) return 'ignored';
    const { peer } = connection;
    if (connection.pending === 0) this.#idle.removeNode(connection.idleEntry);
    connection.pending += 1;
    connection.lastResponse = response;
    connection.unreadRequest = undefined;
    if (peer !== undefined) peer.requests += 1;
    // `on` rather than `once`, which is slower: a response closes only once.
    response.on('close', () => this.#endRequest(connection, response));
    const exceedsLimit = peer !== undefined && peer.requests > this.#limits.requestsPerAddress;
    if (exceedsLimit || connection.pending >= this.#limits.pipelined) closeAfterLastResponse(connection);
    return exceedsLimit ? 'too-many-from-address' : 'accepted';
  }

  /**
   * Aborts a connection whose input cannot be read any further. After the pending responses are sent, calls `refuse`,
   * or ends the connection if the unreadable request already has its response. Does nothing if the connection is closed
   * or aborting.
   */
  abort(socket: Socket, refuse: () => void): void {
    const connection = this.#open.get(socket);
    if (connection === undefined || connection.isAborting) return;
    connection.isClosing = true;
    connection.isAborting = true;
    afterPendingResponses(connection, refuse);
  }

  /**
   * Checks every connection, and resets those whose client has read nothing of a response for `maxChecks` checks
   * in a row.
   *
   * Node's `server.timeout` is no substitute: it starts again whenever the client sends something.
   */
  resetStalled(maxChecks: number): void {
    for (const connection of this.#open.values()) {
      const { socket } = connection;
      const accepted = acceptedBytes(socket);
      const isStalled = socket.writableLength > 0 && accepted === connection.accepted;
      connection.accepted = accepted;
      connection.stalledChecks = isStalled ? connection.stalledChecks + 1 : 0;
      // A reset lets the system drop what the client has not read.
      if (connection.stalledChecks >= maxChecks) socket.resetAndDestroy();
    }
  }

  /** Closes each connection after its pending responses. */
  stop(): void {
    this.#isStopping = true;
    for (const connection of this.#open.values()) closeAfterLastResponse(connection);
  }

  /** Closes the connections without pending responses. */
  closeIdle(): void {
    for (const { socket, pending } of this.#open.values()) {
      if (pending === 0) socket.destroy();
    }
  }

  /** Closes all connections immediately. */
  destroyAll(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #peerOf(network: string): Peer {
    return this.#peers.get(network) ?? new Peer(network);
  }

  #closeLongestIdle(): boolean {
    const longestIdle = this.#idle.head?.value;
    if (longestIdle === undefined) return false;
    this.#remove(longestIdle);
    longestIdle.socket.destroy();
    return true;
  }

  #endRequest(connection: Connection, response: ServerResponse): void {
    if (connection.lastResponse === response) {
      connection.lastResponse = undefined;
      if (!response.req.complete) connection.unreadRequest = response.req;
    }
    if (!this.#open.has(connection.socket)) return;
    connection.pending -= 1;
    if (connection.peer !== undefined) connection.peer.requests -= 1;
    if (connection.pending > 0) return;
    this.#idle.pushNode(connection.idleEntry);
    // The last response may have been started before the stop, too late for `Connection: close`.
    if (this.#isStopping) connection.socket.destroy();
  }

  /** Removes a connection. Does nothing if it has already been removed. */
  #remove(connection: Connection): void {
    const { socket, peer, pending } = connection;
    if (!this.#open.delete(socket)) return;
    if (pending === 0) this.#idle.removeNode(connection.idleEntry);
    if (peer === undefined) return;
    peer.requests -= pending;
    peer.connections -= 1;
    if (peer.connections === 0) this.#peers.delete(peer.network);
  }
}

/** Sends `Connection: close` with the last pending response, unless its headers are already sent. */
function closeAfterLastResponse(connection: Connection): void {
  const { lastResponse } = connection;
  if (lastResponse === undefined || lastResponse.headersSent) return;
  connection.isClosing = true;
  lastResponse.setHeader('Connection', 'close');
}

/**
 * Calls `refuse` or ends the connection after the pending responses. Waits for the latest of them only if its request
 * has arrived completely or its response has begun. Otherwise, that request is the unreadable one, and the refusal is
 * its response.
 */
function afterPendingResponses(connection: Connection, refuse: () => void): void {
  const { lastResponse, unreadRequest } = connection;
  if (lastResponse === undefined) {
    if (unreadRequest === undefined || unreadRequest.complete) refuse();
    else endSocket(connection.socket);
  } else if (lastResponse.req.complete || lastResponse.headersSent) {
    lastResponse.once('close', () => afterPendingResponses(connection, refuse));
  } else if (lastResponse.socket === null) lastResponse.once('socket', refuse);
  else refuse();
}
