import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request that a receiver got. */
export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** What a receiver does with a request; by default it takes it. */
export type Behaviour = (received: Received, outgoing: ServerResponse, incoming: IncomingMessage) => void;

export interface Receiver {
  url: string;
  /** All that came, in order. */
  received: Received[];
  /** What it does from now on. */
  behave: Behaviour;
  /** How many requests were open at once, at most. */
  maxBurst: number;
  /** Stops to listen and drops every connection. */
  close(): Promise<void>;
}

export const take: Behaviour = (_received, outgoing) => void outgoing.writeHead(204).end();

/** A real HTTP server on a free port, or on the one that is given; it ends with the test. */
export async function startReceiver(behave: Behaviour = take, port = 0): Promise<Receiver> {
  let maxConcurrent = 0;
  const server = createServer(async (incoming, outgoing) => {
    maxConcurrent += 1;
    outgoing.once('close', () => {
      maxConcurrent -= 1;
    });
    receiver.maxBurst = Math.max(receiver.maxBurst, maxConcurrent);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    // The cast: the headers that diallers send come once each.
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
    maxBurst: 0,
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
  onTestFinished(() => receiver.close());
  return receiver;
}
