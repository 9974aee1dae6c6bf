import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { IsTrustedProxy } from './client-address.ts';
import { IdleList, type Listed } from './idle-list.ts';
import { networkOf } from './ip-address.ts';

/** Maximum number of connections and requests at once. */
export interface ConnectionLimits {
  /** Connections in all. */
  connections: number;
  /** Connections of one address. */
  perAddress: number;
  /** Requests of one address, on all of its connections. */
  requestsPerAddress: number;
  /** Requests on one connection: several where a client pipelines. */
  pipelined: number;
}

/** An address (IPv6: a /64 network) that has connections. */
interface Peer {
  network: string;
  connections: number;
  /** How many requests are not answered yet. */
  requests: number;
}

interface Connection extends Listed {
  socket: Socket;
  /** Undefined for a trusted proxy, behind which there may be any number of clients. */
  peer: Peer | undefined;
  /** How many requests came that are not answered yet: several where a client pipelines. */
  unanswered: number;
  /** The response to the last of them. */
  last: ServerResponse | undefined;
  /** A request that was answered before its body had come. */
  unread: IncomingMessage | undefined;
  /** Whether no further request on it is acted on. */
  isEnding: boolean;
  /** Whether what came on it could not be read to its end. */
  isGivenUp: boolean;
}

/** Why there is no room for a request. */
export type NoRoom = 'ignored' | 'too-many-from-address';

/** What room there is for a connection: that of an idle one, which is closed, or none. */
export type Crowded = 'in-place-of-idle' | 'none' | 'none-for-address';

/**
 * The connections that are open, and the answers that are owed on them.
 *
 * It is kept by connection, since a Set of responses that come and go costs a sixth of what a server can take: a Set
 * makes a new table every so often and links the old one to it, and old tables that the collector has moved out of
 * the young generation keep all responses alive that were ever in the next.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #isProxy: IsTrustedProxy;
  readonly #open = new Map<Socket, Connection>();
  readonly #peers = new Map<string, Peer>();
  readonly #idle = new IdleList<Connection>();
  #isStopping = false;

  /** @param isProxy tells whose connections are not counted by address */
  constructor(limits: ConnectionLimits, isProxy: IsTrustedProxy) {
    this.#limits = limits;
    this.#isProxy = isProxy;
  }

  /**
   * Takes note of a new connection. Where there is no room for it, it takes the place of the one that has been idle
   * the longest; where none is idle, or its address has too many, it is refused: nothing is noted then.
   */
  opened(socket: Socket): Crowded | undefined {
    const address = socket.remoteAddress ?? '';
    const peer = this.#isProxy(address) ? undefined : this.#peerOf(networkOf(address));
    if (peer !== undefined && peer.connections >= this.#limits.perAddress) return 'none-for-address';
    const isFull = this.#open.size >= this.#limits.connections;
    if (isFull && !this.#closeLongestIdle()) return 'none';
    const connection: Connection = {
      socket,
      peer,
      unanswered: 0,
      last: undefined,
      unread: undefined,
      isEnding: false,
      isGivenUp: false,
      previous: undefined,
      next: undefined,
    };
    this.#open.set(socket, connection);
    if (peer !== undefined) {
      peer.connections += 1;
      this.#peers.set(peer.network, peer);
    }
    this.#idle.add(connection);
    socket.once('close', () => this.#closed(connection));
    return isFull ? 'in-place-of-idle' : undefined;
  }

  /** Takes note of a request, until its response is sent or given up. Gives why it must not be acted on, if so. */
  asked(outgoing: ServerResponse): NoRoom | undefined {
    const connection = this.#open.get(outgoing.req.socket);
    if (connection === undefined || connection.isEnding) return 'ignored';
    const { peer } = connection;
    if (connection.unanswered === 0) this.#idle.remove(connection);
    connection.unanswered += 1;
    connection.last = outgoing;
    connection.unread = undefined;
    if (peer !== undefined) peer.requests += 1;
    // Not `once`, which takes half a microsecond more: a response closes once.
    outgoing.on('close', () => this.#answered(connection, outgoing));
    const isTooMany = peer !== undefined && peer.requests > this.#limits.requestsPerAddress;
    if (this.#isStopping || isTooMany || connection.unanswered >= this.#limits.pipelined) {
      closeAfterLast(connection);
    }
    return isTooMany ? 'too-many-from-address' : undefined;
  }

  /**
   * Answers no further request on a connection: it calls `refuse` when the responses before are sent, or `end` if the
   * request that is refused was answered already. Only the first call for a connection counts; returns if it is that.
   */
  giveUp(socket: Socket, refuse: () => void, end: () => void): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined || connection.isGivenUp) return false;
    connection.isEnding = true;
    connection.isGivenUp = true;
    whenItsTurn(connection, refuse, end);
    return true;
  }

  /** Whether the server owes an answer that it has not begun to send, so that the client has nothing to do. */
  isWaiting(socket: Socket): boolean {
    return (this.#open.get(socket)?.unanswered ?? 0) > 0 && socket.writableLength === 0;
  }

  /** Ends each connection after what is under way on it. */
  stop(): void {
    this.#isStopping = true;
    for (const connection of this.#open.values()) closeAfterLast(connection);
  }

  /** Closes the connections on which nothing is owed and nothing is being sent. */
  closeIdle(): void {
    for (const { socket, unanswered, isGivenUp } of this.#open.values()) {
      if (unanswered === 0 && !isGivenUp) socket.destroy();
    }
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#open.keys()) socket.destroy();
  }

  #peerOf(network: string): Peer {
    return this.#peers.get(network) ?? { network, connections: 0, requests: 0 };
  }

  #closeLongestIdle(): boolean {
    const longest = this.#idle.first();
    if (longest === undefined) return false;
    this.#closed(longest);
    longest.socket.destroy();
    return true;
  }

  #answered(connection: Connection, outgoing: ServerResponse): void {
    if (connection.last === outgoing) {
      connection.last = undefined;
      if (!outgoing.req.complete) connection.unread = outgoing.req;
    }
    if (!this.#open.has(connection.socket)) return;
    connection.unanswered -= 1;
    if (connection.peer !== undefined) connection.peer.requests -= 1;
    if (connection.unanswered > 0) return;
    this.#idle.add(connection);
    // Its last answer may have been on its way when the server was told to stop.
    if (this.#isStopping) connection.socket.destroySoon();
  }

  /** Does nothing for a connection that was closed to make room, when its socket follows. */
  #closed(connection: Connection): void {
    const { socket, peer, unanswered } = connection;
    if (!this.#open.delete(socket)) return;
    this.#idle.remove(connection);
    if (peer === undefined) return;
    peer.requests -= unanswered;
    peer.connections -= 1;
    if (peer.connections === 0) this.#peers.delete(peer.network);
  }
}

/** Tells the client that the answer to the last request is the connection's last, if it is not on its way already. */
function closeAfterLast(connection: Connection): void {
  if (connection.last === undefined || connection.last.headersSent) return;
  connection.isEnding = true;
  connection.last.setHeader('Connection', 'close');
}

/** A request that came whole, or whose answer has begun, is answered first; one that cannot come whole is refused. */
function whenItsTurn(connection: Connection, refuse: () => void, end: () => void): void {
  const { last, unread } = connection;
  if (last === undefined) {
    if (unread === undefined || unread.complete) refuse();
    else end();
  } else if (last.req.complete || last.headersSent) {
    last.once('close', () => whenItsTurn(connection, refuse, end));
  } else if (last.socket === null) last.once('socket', refuse);
  else refuse();
}
