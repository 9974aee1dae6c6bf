import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { AtEnd } from './process.ts';

/** A request to a receiver. */
export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** How a receiver handles a request; by default it accepts the lead. */
export type Behaviour = (received: Received, outgoing: ServerResponse, incoming: IncomingMessage) => void;

export interface Receiver {
  url: string;
  /** All requests, in order. */
  received: Received[];
  /** How it handles further requests. */
  behave: Behaviour;
  /** Maximum number of concurrent requests so far. */
  maxConcurrency: number;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

export const accept: Behaviour = (_received, outgoing) => void outgoing.writeHead(204).end();

/** Returns a behaviour that responds with a status. */
export const respondWith =
  (status: number, headers: Record<string, string> = {}, text = ''): Behaviour =>
  (_received, outgoing) =>
    void outgoing.writeHead(status, headers).end(text);

/** Holds all requests until the test releases them, which then get this behaviour, as later ones do. */
export function holdRequests(behave: Behaviour): { hold: Behaviour; count(): number; release(): void } {
  let held: Parameters<Behaviour>[] | undefined = [];
  return {
    hold: (...of) => {
      if (held === undefined) behave(...of);
      else held.push(of);
    },
    count: () => held?.length ?? 0,
    release: () => {
      const released = held ?? [];
      held = undefined;
      for (const of of released) behave(...of);
    },
  };
}

/** Makes a server listen on a free port until the test ends. Returns its port. */
export async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The cast: a server that listens on TCP has an address with a port.
  return (server.address() as AddressInfo).port;
}

/** Starts an HTTP server on a free port, or on the given one, until the test ends. @param atEnd registers its end */
export async function startReceiver(
  behave: Behaviour = accept,
  port = 0,
  atEnd: AtEnd = onTestFinished,
): Promise<Receiver> {
  let concurrent = 0;
  const server = createServer(async (incoming, outgoing) => {
    concurrent += 1;
    outgoing.once('close', () => {
      concurrent -= 1;
    });
    receiver.maxConcurrency = Math.max(receiver.maxConcurrency, concurrent);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    // The cast: diallers send each header once.
    const headers = incoming.headers as Record<string, string>;
    const received = { headers, body: Buffer.concat(chunks).toString() };
    receiver.received.push(received);
    receiver.behave(received, outgoing, incoming);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  // The cast: a server that listens on TCP has an address with a port.
  const address = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${address.port}/`,
    received: [],
    behave,
    maxConcurrency: 0,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
  atEnd(() => receiver.close());
  return receiver;
}
