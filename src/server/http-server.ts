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
import type { TellAnswered } from '../telemetry/requests.ts';
import { Connections } from './connections.ts';
import { headersTooLarge, notHttp, tooSlow } from './refusals.ts';
import { newRequestId, respond, serviceFailure } from './respond.ts';

export interface HttpServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Log;
  tellAnswered?: TellAnswered;
  /** How long a request may take to arrive, in milliseconds. */
  requestTimeout?: number;
  /** How long its headers may take of that, in milliseconds. */
  headersTimeout?: number;
  /** How many connections there may be at once. */
  mostConnections?: number;
}

export interface RunningServer {
  host: string;
  port: number;
  /** Takes no further connections, answers what is under way, and is fulfilled when all are closed. */
  stop(): Promise<void>;
}

/** A partner's request has some hundred bytes, so even a slow line brings it in a second. */
const defaultRequestTimeout = 30_000;
const defaultHeadersTimeout = 10_000;

/** A connection takes some 10 KiB and a file descriptor. */
const defaultMostConnections = 10_000;

/**
 * How long an idle connection is kept for the next request, in milliseconds. It is longer than reverse proxies keep
 * theirs (60 s with nginx): else a proxy now and then sends a request on a connection that has just been closed.
 */
const keepAliveTimeout = 65_000;

/** How long a client whose connection is given up has to read why, in milliseconds. */
const lingering = 1_000;

/** Refused connections are told of again only after so long a time without any, in milliseconds. */
const dropSilence = 10_000;

/** So many headers are read of a request; Node drops the others, and all together are bounded in size. */
const mostHeaders = 100;

/** How long requests that are under way may take to end before their connections are cut, in milliseconds. */
const stopPatience = 8_000;

/** Starts to listen. @throws where the address is taken or is not this machine's */
export async function startHttpServer(
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  { host, port, log, tellAnswered = () => {}, ...limits }: HttpServerOptions,
): Promise<RunningServer> {
  const { requestTimeout = defaultRequestTimeout, headersTimeout = defaultHeadersTimeout } = limits;
  const listener = getRequestListener(app.fetch, {
    hostname: host,
    errorHandler: (error) => {
      if (error instanceof RequestError) return respond(notHttp);
      return serviceFailure(error, log);
    },
  });
  const server = createServer({
    requestTimeout,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    connectionsCheckingInterval: Math.min(headersTimeout, requestTimeout, 1_000),
    keepAliveTimeout,
    // A missing Host is answered by the listener, so that this response bears a Request-Id too.
    requireHostHeader: false,
  });
  server.maxConnections = limits.mostConnections ?? defaultMostConnections;
  server.maxHeadersCount = mostHeaders;
  let lastDrop = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    const now = performance.now();
    if (now - lastDrop > dropSilence) {
      log.warn({ connections: server.maxConnections }, 'Connections were refused: there are too many.');
    }
    lastDrop = now;
  });
  const connections = new Connections();
  server.on('connection', (socket: Socket) => connections.opened(socket));
  let stopping = false;
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    connections.asked(outgoing);
    if (stopping) closeAfter(outgoing);
    void listener(incoming, outgoing);
  };
  server.on('request', onRequest);
  // An `Expect` that is not 100-continue may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', onRequest);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => refuse(socket, notHttp));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // A request that came in whole may be saved already: no refusal may be taken for its answer.
    if (connections.owesAnswer(socket) || error.code === 'ECONNRESET') socket.destroy();
    else refuse(socket, refusalFor(error));
  });

  function refuse(socket: Duplex, reply: Reply): void {
    const requestId = newRequestId();
    tellAnswered({ requestId, outcome: reply.outcome, status: reply.status, milliseconds: 0 });
    refuseRaw(socket, reply, requestId);
  }

  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
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
      connections.lastAnswers().forEach(closeAfter);
      return close(server, log);
    },
  };
}

/** Why nobody can be listened to there, and what to do about it. */
function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const explanations: Record<string, string> = {
    EADDRINUSE: `another process listens on port ${port} of ${host}. Stop it, or choose another port`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Choose one that is, or 0.0.0.0 for all`,
    ENOTFOUND: `${host} is not known here. Choose an address of this machine, or 0.0.0.0 for all`,
    EACCES: `the system does not let this user listen on port ${port}. Choose one from 1024 on`,
  };
  const explanation = explanations[error.code ?? ''];
  return explanation === undefined ? error : new Error(`${explanation} (${error.code}).`, { cause: error });
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
function refuseRaw(socket: Duplex, reply: Reply, requestId: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const headers = {
    ...reply.headers,
    'Request-Id': requestId,
    'Content-Length': String(Buffer.byteLength(reply.text)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    [`HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`, ...lines, '', reply.text].join('\r\n'),
  );
  // To cut the connection at once could take the answer away from a client that is still sending.
  setTimeout(() => socket.destroy(), lingering).unref();
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
