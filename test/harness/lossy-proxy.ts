import { connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** What happens to the next answer that comes through. */
type Loss = 'cut' | 'swallowed';

export interface LossyProxy {
  port: number;
  /** The next answer, which the server has sent, does not arrive: its connection is cut, or stays silent. */
  loseNextAnswer(loss: Loss): void;
  /** Whether new connections come through. */
  isOpen(open: boolean): void;
  /** How many answers were lost. */
  lost(): number;
}

/** Stands between a client and a server on this machine. */
export async function startLossyProxy(serverPort: number): Promise<LossyProxy> {
  let next: Loss | undefined;
  let lost = 0;
  let isOpen = true;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (!isOpen) return void client.destroy();
    const upstream = connect(serverPort, '127.0.0.1');
    let isSilent = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.on('data', (chunk) => void upstream.write(chunk));
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
    upstream.on('data', (chunk) => {
      if (next !== undefined) {
        lost += 1;
        isSilent = true;
        if (next === 'cut') client.destroy();
        next = undefined;
      }
      if (!isSilent) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    loseNextAnswer: (loss) => {
      next = loss;
    },
    isOpen: (open) => {
      isOpen = open;
    },
    lost: () => lost,
  };
}
