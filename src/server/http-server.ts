import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Log } from '../telemetry/log.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { proxyCheck, type TrustedProxies } from './client-address.ts';
import { type ConnectionLimits, Connections } from './connections.ts';
import { FailureLog } from './failure-log.ts';
import { OccasionalWarning } from './occasional-warning.ts';
import { maxOpenFiles } from './open-files.ts';
import { protocolRefusal } from './protocol.ts';
import { notHttp, tooManyFromAddress } from './refusals.ts';
import { newRequestId, respond, serviceFailure } from './respond.ts';
import { refuseUnparsed } from './unparsed.ts';

export interface HttpServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Log;
  onResponse?: OnResponse;
  /** How long a request may take to arrive, in milliseconds. */
  requestTimeout?: number;
  /** How long its headers may take of that, in milliseconds. */
  headersTimeout?: number;
  /** How long a client may read nothing of what is sent to it, in milliseconds. */
  writeTimeout?: number;
  /** How many connections there may be at once. */
  maxConnections?: number;
  /** How many of them one address may have. Trusted proxies may have any number. */
  connectionsPerAddress?: number;
  /** How many requests of one address, on all of its connections, are acted on at once. */
  requestsPerAddress?: number;
  trustedProxies?: TrustedProxies;
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

/** Longer than any wait for the store, so that an answer which is late has its whole time to be read. */
const defaultWriteTimeout = 30_000;

/** A connection takes some 10 KiB and a file descriptor. */
const defaultMaxConnections = 10_000;
const defaultConnectionsPerAddress = 1_000;

/** More than one key may have in flight, since partners can share an address. */
const defaultRequestsPerAddress = 2_000;

/** Maximum number of headers of a request. */
const maxHeaders = 100;

/** Maximum number of requests that a client can send on one connection before it gets the first response. */
const maxPipelined = 100;

/** File descriptors that connections leave to the process itself, and the part of the others that they may take. */
const ownDescriptors = 64;
const shareOfDescriptors = 3 / 4;

/** Where there are hardly any descriptors, the server is reachable all the same. */
const minConnections = 10;

/**
 * How long an idle connection is kept for the next request, in milliseconds. It is longer than reverse proxies keep
 * theirs (60 s with nginx): else a proxy now and then sends a request on a connection that has just been closed.
 */
const keepAliveTimeout = 65_000;

/** How long requests that are under way may take to end before their connections are cut, in milliseconds. */
const stopPatience = 7_000;

/** Starts to listen. @throws where the address is taken or is not this machine's */
export async function startHttpServer(
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  options: HttpServerOptions,
): Promise<RunningServer> {
  const { host, port, log } = options;
  const server = createHttpServer(options);
  const connections = new Connections(limitsOf(options), proxyCheck(options.trustedProxies ?? []));
  acceptConnections(server, connections, log);
  serveRequests(server, connections, app, options);
  refuseUnparsed(server, connections, options.onResponse ?? ignore, server.timeout);

  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port));
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
  // A connection that cannot be accepted must not end the process.
  const acceptFailures = new OccasionalWarning(log);
  server.on('error', (error) => acceptFailures.warn({ err: error }, 'A connection could not be accepted.'));
  // The cast: a server that listens on TCP has an address with a port.
  const address = server.address() as AddressInfo;
  return { host: address.address, port: address.port, stop: () => stop(server, connections, log) };
}

function createHttpServer(options: HttpServerOptions): Server {
  const { requestTimeout = defaultRequestTimeout, headersTimeout = defaultHeadersTimeout } = options;
  const server = createServer({
    requestTimeout,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    connectionsCheckingInterval: Math.min(headersTimeout, requestTimeout, 1_000),
    keepAliveTimeout,
    // A missing Host is answered by `protocolRefusal`, so that this response bears a Request-Id too.
    requireHostHeader: false,
  });
  server.maxHeadersCount = maxHeaders;
  server.timeout = options.writeTimeout ?? defaultWriteTimeout;
  // RFC 9112, section 9.6: a client that sends nothing more still reads its response.
  Object.assign(server, { httpAllowHalfOpen: true });
  return server;
}

function limitsOf(options: HttpServerOptions): ConnectionLimits {
  return {
    connections: options.maxConnections ?? maxConnections(),
    perAddress: options.connectionsPerAddress ?? defaultConnectionsPerAddress,
    requestsPerAddress: options.requestsPerAddress ?? defaultRequestsPerAddress,
    pipelined: maxPipelined,
  };
}

/** As many as there are descriptors for, when the store, the dialler and the metrics have theirs. */
function maxConnections(): number {
  const descriptors = maxOpenFiles() ?? Number.POSITIVE_INFINITY;
  const share = Math.floor((descriptors - ownDescriptors) * shareOfDescriptors);
  return Math.max(minConnections, Math.min(defaultMaxConnections, share));
}

/** Keeps the connections within their limits, and cuts those whose client reads nothing. */
function acceptConnections(server: Server, connections: Connections, log: Log): void {
  const crowded = new OccasionalWarning(log);
  const crowdedAddress = new OccasionalWarning(log);
  server.on('connection', (socket: Socket) => {
    const room = connections.opened(socket);
    if (room === undefined) return;
    if (room === 'in-place-of-idle') {
      crowded.warn({}, 'There are as many connections as there can be: idle ones are closed for new ones.');
      return;
    }
    if (room === 'none') crowded.warn({}, 'Connections were refused: there are too many.');
    else {
      const { remoteAddress: address } = socket;
      crowdedAddress.warn({ address }, 'Connections were refused: their address has too many.');
    }
    socket.destroy();
  });
  server.on('timeout', (socket: Socket) => {
    if (connections.isWaiting(socket)) return;
    // A reset lets the system drop what the client did not read.
    if (socket.writableLength > 0) socket.resetAndDestroy();
    else socket.destroy();
  });
}

function serveRequests(
  server: Server,
  connections: Connections,
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  { host, log, onResponse = ignore }: HttpServerOptions,
): void {
  const failures = new FailureLog(log);
  const listener = getRequestListener(app.fetch, {
    hostname: host,
    errorHandler: (error) => {
      if (error instanceof RequestError) return respond(notHttp);
      return serviceFailure(error, failures);
    },
  });
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const noRoom = connections.asked(outgoing);
    if (noRoom === 'ignored') return;
    const refusal = noRoom === undefined ? protocolRefusal(incoming) : tooManyFromAddress;
    if (refusal !== undefined) {
      const requestId = newRequestId();
      onResponse({ requestId, outcome: refusal.outcome, status: refusal.status, milliseconds: 0 });
      outgoing.writeHead(refusal.status, {
        ...refusal.headers,
        'Request-Id': requestId,
        'Content-Length': Buffer.byteLength(refusal.text),
      });
      outgoing.end(refusal.text);
      return;
    }
    listener(incoming, outgoing).catch((error: unknown) => {
      failures.write('error', { err: error }, 'A response could not be sent.');
      outgoing.destroy();
    });
  };
  server.on('request', onRequest);
  // An `Expect` that is not 100-continue may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', onRequest);
}

function ignore(): void {}

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

async function stop(server: Server, connections: Connections, log: Log): Promise<void> {
  connections.stop();
  // Node's own would also cut those whose response is still on its way.
  server.closeIdleConnections = () => connections.closeIdle();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const deadline = setTimeout(() => {
    log.warn('Requests were still under way when the time to stop ran out; their connections are cut.');
    connections.cut();
  }, stopPatience);
  await closed;
  clearTimeout(deadline);
}
