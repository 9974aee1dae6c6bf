import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Connection {
  /** How many requests came that are not answered yet: several where a client pipelines. */
  unanswered: number;
  /** The response to the last of them. */
  last: ServerResponse | undefined;
}

/**
 * The connections that are open, and the answers that are owed on them.
 *
 * It is kept by connection, since a Set of responses that come and go costs a sixth of what a server can take: a Set
 * makes a new table every so often and links the old one to it, and old tables that the collector has moved out of
 * the young generation keep all responses alive that were ever in the next.
 */
export class Connections {
  readonly #open = new Map<Socket, Connection>();

  opened(socket: Socket): void {
    this.#open.set(socket, { unanswered: 0, last: undefined });
    socket.once('close', () => this.#open.delete(socket));
  }

  /** Takes note of a request, until its response is sent or given up. */
  asked(outgoing: ServerResponse): void {
    const connection = this.#open.get(outgoing.req.socket);
    if (connection === undefined) return;
    connection.unanswered += 1;
    connection.last = outgoing;
    // Not `once`, which takes half a microsecond more: a response closes once.
    outgoing.on('close', () => {
      connection.unanswered -= 1;
      if (connection.last === outgoing) connection.last = undefined;
    });
  }

  /** Whether a request came whole on this connection that is not answered yet. */
  owesAnswer(socket: Socket): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined) return false;
    // The next request on a connection is read once the one before has come whole.
    return connection.unanswered > 1 || connection.last?.req.complete === true;
  }

  /** The last response on each connection that owes one. */
  lastAnswers(): ServerResponse[] {
    return [...this.#open.values()].flatMap(({ last }) => last ?? []);
  }
}
