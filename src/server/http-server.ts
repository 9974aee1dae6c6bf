import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Reply } from '../contract/reply.ts';
import { LimitedLog } from '../telemetry/limited-log.ts';
import type { Log } from '../telemetry/log.ts';
import { OccasionalWarning } from '../telemetry/occasional-warning.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import { addressReader, proxyCheck, type TrustedProxies } from './client-address.ts';
import { type ConnectionLimits, Connections } from './connections.ts';
import { maxOpenFiles } from './open-files.ts';
import { handleParserErrors } from './parser-errors.ts';
import { protocolRefusal } from './protocol.ts';
import { notHttp, tooManyFromAddress } from './refusals.ts';
import { newRequestId, respond, serviceFailure } from './respond.ts';

/** Address and limits of an HTTP server. */
export interface HttpServerOptions {
  host: string;
  /** 0: a free port, which the system chooses. */
  port: number;
  /** Names of the settings of the host and the port, for messages. */
  settings?: ListenSettings;
  log: Log;
  onResponse?: OnResponse;
  /** Maximum time for a request to arrive (ms). */
  requestTimeout?: number;
  /** Maximum time for the headers of a request to arrive (ms). */
  headersTimeout?: number;
  /** Maximum time for which a client may read nothing of its response (ms). */
  writeTimeout?: number;
  /** Maximum number of connections. */
  maxConnections?: number;
  /** Maximum number of connections per address, except for trusted proxies. */
  connectionsPerAddress?: number;
  /** Maximum number of requests in flight per address, except for trusted proxies. */
  requestsPerAddress?: number;
  trustedProxies?: TrustedProxies;
}

/** Names of settings, such as variables. */
export interface ListenSettings {
  host?: string;
  port: string;
}

/** An HTTP server that accepts connections. */
export interface RunningServer {
  host: string;
  port: number;
  /** Stops accepting connections and resolves when all requests in flight have their response. */
  stop(): Promise<void>;
}

const defaultRequestTimeout = 30_000;
const defaultHeadersTimeout = 10_000;

const defaultWriteTimeout = 30_000;

/** Number of checks within the write timeout. The timeout can be exceeded by the time between two. */
const writeChecks = 10;

const defaultMaxConnections = 10_000;
const defaultConnectionsPerAddress = 1_000;

/** Higher than the limit per key, because partners can share an address. */
const defaultRequestsPerAddress = 2_000;

/** Maximum number of headers per request; Node rejects a request with more. */
const maxHeaders = 100;

/** Maximum number of pipelined requests in flight per connection. */
const maxPipelined = 100;

/** Number of file descriptors reserved for the process itself. */
const reservedDescriptors = 64;

/** Share of the other descriptors that connections may use. */
const descriptorShare = 3 / 4;

/** Minimum number of connections, even if there are fewer descriptors. */
const minConnections = 10;

/**
 * Time for which an idle connection is kept open (ms). Longer than in reverse proxies (nginx: 60 s), which would
 * otherwise send requests on connections that have just been closed.
 */
const keepAliveTimeout = 65_000;

/** Time for requests in flight to finish when the server stops, before their connections are closed (ms). */
const stopTimeout = 7_000;

/**
 * Starts an HTTP server.
 *
 * @throws {Error} if the server cannot listen on the host and port; the message contains what to do
 */
export async function startHttpServer(
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  options: HttpServerOptions,
): Promise<RunningServer> {
  const { log } = options;
  const server = createHttpServer(options);
  const connections = new Connections(limitsOf(options), proxyCheck(options.trustedProxies ?? []));
  acceptConnections(server, connections, log);
  serveRequests(server, connections, app, options);
  handleParserErrors(server, connections, options.onResponse ?? ignore);

  await listen(server, options);
  resetStalledConnections(server, connections, options.writeTimeout ?? defaultWriteTimeout);
  // An `error` event without a listener would end the process.
  const acceptFailures = new OccasionalWarning(log);
  server.on('error', (error) => acceptFailures.warn({ err: error }, 'A connection could not be accepted.'));
  // The cast: a server that listens on TCP has an address with a port.
  const address = server.address() as AddressInfo;
  return { host: address.address, port: address.port, stop: () => stop(server, connections, log) };
}

function listen(server: Server, options: HttpServerOptions): Promise<void> {
  const { host, port } = options;
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(listenError(error, options));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function createHttpServer(options: HttpServerOptions): Server {
  const { requestTimeout = defaultRequestTimeout, headersTimeout = defaultHeadersTimeout } = options;
  const server = createServer({
    requestTimeout,
    headersTimeout: Math.min(headersTimeout, requestTimeout),
    connectionsCheckingInterval: Math.min(headersTimeout, requestTimeout, 1_000),
    keepAliveTimeout,
    // `protocolRefusal` responds to a missing Host instead, with a Request-Id.
    requireHostHeader: false,
  });
  server.maxHeadersCount = maxHeaders;
  // RFC 9112, section 9.6: a client that has closed its side still reads its response.
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

/** Returns the default connection limit, which leaves descriptors for the store, the dialler and the metrics. */
function maxConnections(): number {
  const descriptors = maxOpenFiles() ?? Number.POSITIVE_INFINITY;
  const share = Math.floor((descriptors - reservedDescriptors) * descriptorShare);
  return Math.max(minConnections, Math.min(defaultMaxConnections, share));
}

/** Applies the connection limits. */
function acceptConnections(server: Server, connections: Connections, log: Log): void {
  const limitWarning = new OccasionalWarning(log);
  const addressWarning = new OccasionalWarning(log);
  server.on('connection', (socket: Socket) => {
    switch (connections.open(socket)) {
      case 'accepted':
        return;
      case 'evicted-idle':
        limitWarning.warn({}, 'The connection limit is reached: idle connections are closed for new ones.');
        return;
      case 'full':
        limitWarning.warn({}, 'Connections were refused: the connection limit is reached.');
        break;
      case 'full-for-address': {
        const { remoteAddress: address } = socket;
        addressWarning.warn({ address }, 'Connections were refused: too many from one address.');
      }
    }
    socket.destroy();
  });
}

function resetStalledConnections(server: Server, connections: Connections, timeout: number): void {
  const timer = setInterval(() => connections.resetStalled(writeChecks), timeout / writeChecks);
  server.once('close', () => clearInterval(timer));
}

function serveRequests(
  server: Server,
  connections: Connections,
  app: { fetch: Parameters<typeof getRequestListener>[0] },
  { host, log, onResponse = ignore, trustedProxies = [] }: HttpServerOptions,
): void {
  const readAddress = addressReader(trustedProxies);
  const failureLog = new LimitedLog(log);
  /** The request that was last passed to the listener, which reports an invalid URL or Host before it returns. */
  let latest: IncomingMessage | undefined;
  const listener = getRequestListener(app.fetch, {
    hostname: host,
    errorHandler: (error) => {
      if (!(error instanceof RequestError)) return serviceFailure(error, failureLog);
      const requestId = newRequestId();
      const address = latest && readAddress(latest);
      onResponse({ requestId, address, outcome: notHttp.outcome, status: notHttp.status, milliseconds: 0 });
      return respond(notHttp, requestId);
    },
  });
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const admission = connections.beginRequest(outgoing);
    if (admission === 'ignored') return;
    const refusal = admission === 'too-many-from-address' ? tooManyFromAddress : protocolRefusal(incoming);
    if (refusal !== undefined) {
      refuse(outgoing, refusal, readAddress(incoming), onResponse);
      return;
    }
    latest = incoming;
    listener(incoming, outgoing).catch((error: unknown) => {
      failureLog.write('error', { err: error }, 'A response could not be sent.');
      outgoing.destroy();
    });
  };
  server.on('request', onRequest);
  // An `Expect` that is not 100-continue may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', onRequest);
}

/** Sends a refusal without passing the request to the application. */
function refuse(outgoing: ServerResponse, refusal: Reply, address: string, onResponse: OnResponse): void {
  const requestId = newRequestId();
  onResponse({ requestId, address, outcome: refusal.outcome, status: refusal.status, milliseconds: 0 });
  outgoing.writeHead(refusal.status, {
    ...refusal.headers,
    'Request-Id': requestId,
    'Content-Length': Buffer.byteLength(refusal.text),
  });
  outgoing.end(refusal.text);
}

function ignore(): void {}

/** Returns an error that explains why the server cannot listen, and what to do. */
function listenError(
  error: NodeJS.ErrnoException,
  { host, port, settings }: Pick<HttpServerOptions, 'host' | 'port' | 'settings'>,
): Error {
  const choose = (name: string | undefined) => (name === undefined ? 'Choose' : `Set ${name} to`);
  const [chooseHost, choosePort] = [choose(settings?.host), choose(settings?.port)];
  const explanations: Record<string, string> = {
    EADDRINUSE: `another process listens on port ${port} of ${host}. ${choosePort} another port, or stop that process`,
    EADDRNOTAVAIL: `${host} is not an address of this machine. ${chooseHost} one that is, or 0.0.0.0 for all`,
    ENOTFOUND: `the host ${host} is unknown. ${chooseHost} an address of this machine, or 0.0.0.0 for all`,
    EACCES: `this user may not listen on port ${port}. ${choosePort} a port from 1024 upwards`,
  };
  const explanation = explanations[error.code ?? ''];
  return explanation === undefined ? error : new Error(`${explanation} (${error.code}).`, { cause: error });
}

async function stop(server: Server, connections: Connections, log: Log): Promise<void> {
  connections.stop();
  // Node's own method would also close connections whose response is still being sent.
  server.closeIdleConnections = () => connections.closeIdle();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const deadline = setTimeout(() => {
    log.warn('Requests were still in flight at the shutdown deadline; their connections were closed.');
    connections.destroyAll();
  }, stopTimeout);
  await closed;
  clearTimeout(deadline);
}
