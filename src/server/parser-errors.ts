import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Reply } from '../contract/reply.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import type { Connections } from './connections.ts';
import { headersTooLarge, notHttp, requestTimeout, unknownMethod, unsupportedVersion } from './refusals.ts';
import { newRequestId } from './respond.ts';
import { respondOnSocket } from './socket-response.ts';

/** An error of Node's HTTP parser, or of the connection itself. */
interface ParserError extends NodeJS.ErrnoException {
  /** The bytes received, and how many of them were parsed. */
  rawPacket?: Buffer;
  bytesParsed?: number;
}

/**
 * Refuses input that Node does not pass on as a request (what its parser rejects, and CONNECT), and closes the
 * connection. Earlier requests on the connection get their response first, because their leads may already be saved.
 */
export function handleParserErrors(server: Server, connections: Connections, onResponse: OnResponse): void {
  const refuse = (socket: Socket, reply: Reply) => {
    const { remoteAddress: address } = socket;
    connections.abort(socket, () => {
      const requestId = newRequestId();
      onResponse({ requestId, address, outcome: reply.outcome, status: reply.status, milliseconds: 0 });
      respondOnSocket(socket, reply, requestId);
    });
  };
  server.on('connect', ({ socket }: IncomingMessage, tunnel: Duplex) => {
    // Node has removed its own listener, and an error without one ends the process. If the request has a body, the
    // tunnel is a stream on the socket rather than the socket itself.
    tunnel.on('error', () => {});
    tunnel.resume();
    refuse(socket, unknownMethod);
  });
  server.on('clientError', (error: ParserError, socket: Socket) => {
    const reply = refusalFor(error);
    if (reply === undefined) socket.destroy();
    else refuse(socket, reply);
  });
}

/** Returns the reply to a parser error; undefined if the connection itself failed. */
function refusalFor(error: ParserError): Reply | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimeout;
    case 'HPE_INVALID_VERSION':
      return unsupportedVersion;
    case 'HPE_INVALID_METHOD':
      return hasRequestLine(error) ? unknownMethod : notHttp;
    default:
      return error.code?.startsWith('HPE_') ? notHttp : undefined;
  }
}

/** Returns whether the line in which the parser stopped is a request line with an unknown method. */
function hasRequestLine({ rawPacket, bytesParsed = 0 }: ParserError): boolean {
  if (rawPacket === undefined) return false;
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf('\n', bytesParsed - 1) + 1;
  const end = rawPacket.indexOf('\n', start);
  const line = rawPacket.toString('latin1', start, end < 0 ? rawPacket.length : end);
  return /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?$/.test(line);
}
