import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What happens to the next answer that comes through. */
type Loss = 'cut' | 'swallowed';

export interface LossyProxy {
  port: number;
  /** The next answer, which the server has sent, does not arrive: its connection is cut, or stays silent. */
  loseNextAnswer(loss: Loss): void;
  /** Cuts all connections on the client's side; what the server has begun it finishes. */
  cut(): void;
  /** Whether new connections come through. */
  isOpen(open: boolean): void;
  /**
   * From now on nothing comes through, on old connections and new ones, and no side notices the end of the other: what a
   * firewall does that drops packets.
   */
  dropPackets(): void;
  /** How many answers were lost. */
  lost(): number;
  /** How many connections clients have made so far. */
  made(): number;
  /** How many of them their clients have not closed yet. */
  held(): number;
  /** Stops to listen and drops every connection. */
  close(): void;
}

/** Stands between a client and a server on this machine; ends with the test. */
export async function startLossyProxy(serverPort: number): Promise<LossyProxy> {
  const proxy = await openLossyProxy(serverPort);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Stands between a client and a server. Whoever opens it closes it. */
export async function openLossyProxy(serverPort: number, host = '127.0.0.1'): Promise<LossyProxy> {
  let next: Loss | undefined;
  let lost = 0;
  let made = 0;
  let isOpen = true;
  let isDropping = false;
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    made += 1;
    if (!isOpen) return void client.destroy();
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
    loseNextAnswer: (loss) => {
      next = loss;
    },
    cut: () => {
      for (const client of held) client.destroy();
    },
    isOpen: (open) => {
      isOpen = open;
    },
    dropPackets: () => {
      isDropping = true;
    },
    lost: () => lost,
    made: () => made,
    held: () => held.size,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
