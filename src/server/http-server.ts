import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Reply } from '../contract/reply.ts';
import type { Log } from '../telemetry/log.ts';
import { headersTooLarge, notHttp, tooSlow } from './refusals.ts';
import { newRequestId, respond, serviceFailure } from './respond.ts';

export interface HttpServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Log;
  /** How long a request may take to arrive, in milliseconds. */
  requestTimeout?: number;
}

export interface RunningServer {
  host: string;
  port: number;
  /** Takes no further connections, answers what is under way, and is fulfilled when all are closed. */
  stop(): Promise<void>;
}

const defaultRequestTimeout = 30_000;

/** How long requests that are under way may take to end before their connections are cut, in milliseconds. */
const stopPatience = 10_000;

/** Starts to listen. @throws where the address is taken or is not this machine's */
export async function startHttpServer(
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  { host, port, log, requestTimeout = defaultRequestTimeout }: HttpServerOptions,
): Promise<RunningServer> {
  const listener = getRequestListener(app.fetch, {
    hostname: host,
    errorHandler: (error) => {
      if (error instanceof RequestError) return respond(notHttp);
      return serviceFailure(error, log);
    },
  });
  const server = createServer({
    requestTimeout,
    connectionsCheckingInterval: Math.min(requestTimeout, 1_000),
    // A missing Host is answered by the listener, so that this response bears a Request-Id too.
    requireHostHeader: false,
  });
  const unanswered = new Set<ServerResponse>();
  let stopping = false;
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    unanswered.add(outgoing);
    outgoing.once('close', () => unanswered.delete(outgoing));
    if (stopping) closeAfter(outgoing);
    void listener(incoming, outgoing);
  };
  server.on('request', onRequest);
  // An `Expect` that is not 100-continue may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', onRequest);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => refuseRaw(socket, notHttp));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A request that came in whole may be saved already: no refusal may be taken for its answer.
    const mayBeSaved = unanswered.values().some(({ req }) => req.socket === socket && req.complete);
    if (mayBeSaved || error.code === 'ECONNRESET') socket.destroy();
    else refuseRaw(socket, refusalFor(error));
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // The cast: a server that listens on TCP has an address with a port.
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    stop: () => {
      stopping = true;
      unanswered.forEach(closeAfter);
      return close(server, log);
    },
  };
}

/** Tells the client that this answer is the connection's last. */
function closeAfter(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.setHeader('Connection', 'close');
}

function refusalFor(error: NodeJS.ErrnoException): Reply {
  if (error.code === 'HPE_HEADER_OVERFLOW') return headersTooLarge;
  return error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? tooSlow : notHttp;
}

/** Answers on a connection that Node's HTTP parser has given up. */
function refuseRaw(socket: Duplex, reply: Reply): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const headers = {
    ...reply.headers,
    'Request-Id': newRequestId(),
    'Content-Length': String(Buffer.byteLength(reply.text)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`, ...lines, '', reply.text].join('\r\n'),
  );
}

async function close(server: Server, log: Log): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const deadline = setTimeout(() => {
    log.warn('Requests were still under way when the time to stop ran out; their connections are cut.');
    server.closeAllConnections();
  }, stopPatience);
  await closed;
  clearTimeout(deadline);
}
