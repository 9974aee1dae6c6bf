import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What happens to the next response. */
type Loss = 'cut' | 'swallowed';

export interface LossyProxy {
  port: number;
  /** Loses the next response of the server: its connection is closed or stays silent. */
  loseNextResponse(loss: Loss): void;
  /** Closes all connections on the client's side; the server finishes what it has begun. */
  cut(): void;
  /** Accepts new connections, as it does at first, or closes them at once. */
  acceptConnections(accept: boolean): void;
  /** Drops all data on old and new connections without closing them, as a firewall that drops packets does. */
  dropPackets(): void;
  /** Number of lost responses. */
  lostResponses(): number;
  /** Number of connections so far. */
  connectionCount(): number;
  /** Number of connections that their clients have not closed. */
  openConnections(): number;
  /** Stops listening and closes every connection. */
  close(): void;
}

/** Starts a proxy in front of a server on this machine. It ends with the test. */
export async function startLossyProxy(serverPort: number): Promise<LossyProxy> {
  const proxy = await openLossyProxy(serverPort);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Starts a proxy in front of a server. The caller must close it. */
export async function openLossyProxy(serverPort: number, host = '127.0.0.1'): Promise<LossyProxy> {
  let next: Loss | undefined;
  let lost = 0;
  let connectionCount = 0;
  let isAccepting = true;
  let isDropping = false;
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    connectionCount += 1;
    if (!isAccepting) return void client.destroy();
    const upstream = connect({ port: serverPort, host, allowHalfOpen: true });
    let isSilent = false;
    held.add(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    for (const event of ['end', 'close']) {
      client.on(event, () => {
        held.delete(client);
        if (!isDropping) upstream.end();
      });
      upstream.on(event, () => {
        if (!isDropping) client.end();
      });
    }
    client.on('data', (chunk) => {
      if (!isDropping) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (next !== undefined) {
        lost += 1;
        isSilent = true;
        if (next === 'cut') client.destroy();
        next = undefined;
      }
      if (!isSilent && !isDropping) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    loseNextResponse: (loss) => {
      next = loss;
    },
    cut: () => {
      for (const client of held) client.destroy();
    },
    acceptConnections: (accept) => {
      isAccepting = accept;
    },
    dropPackets: () => {
      isDropping = true;
    },
    lostResponses: () => lost,
    connectionCount: () => connectionCount,
    openConnections: () => held.size,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
