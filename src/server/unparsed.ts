import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Reply } from '../contract/reply.ts';
import type { OnResponse } from '../telemetry/requests.ts';
import type { Connections } from './connections.ts';
import { endRaw, refuseRaw } from './raw-refusal.ts';
import { headersTooLarge, notHttp, tooSlow, unknownMethod, unsupportedVersion } from './refusals.ts';
import { newRequestId } from './respond.ts';

/** An error that Node's parser found, or of the connection itself. */
interface ParserError extends NodeJS.ErrnoException {
  /** What came, and how much of it was read. */
  rawPacket?: Buffer;
  bytesParsed?: number;
}

/**
 * Refuses what Node does not make a request of, and ends the connection: tunnels, and whatever its parser gives up.
 * The requests before it on the connection are answered first, since they may be saved already.
 *
 * @param patience how long the responses before may take to be read, in milliseconds
 */
export function refuseUnparsed(
  server: Server,
  connections: Connections,
  onResponse: OnResponse,
  patience: number,
): void {
  const refuse = (socket: Socket, reply: Reply) => {
    const send = () => {
      const requestId = newRequestId();
      onResponse({ requestId, outcome: reply.outcome, status: reply.status, milliseconds: 0 });
      refuseRaw(socket, reply, requestId);
    };
    if (connections.giveUp(socket, send, () => endRaw(socket))) {
      setTimeout(() => socket.destroy(), patience).unref();
    }
  };
  server.on('connect', ({ socket }: IncomingMessage, tunnel: Duplex) => {
    // Node has taken its own listener away, and an error without one ends the process. Where the request has a body the
    // tunnel is not the socket itself but a stream on it.
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

/** What is answered to what is no request; undefined where the connection itself failed. */
function refusalFor(error: ParserError): Reply | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return tooSlow;
    case 'HPE_INVALID_VERSION':
      return unsupportedVersion;
    case 'HPE_INVALID_METHOD':
      return hasRequestLine(error) ? unknownMethod : notHttp;
    default:
      return error.code?.startsWith('HPE_') ? notHttp : undefined;
  }
}

/** Whether the line that the parser stopped in is right but for its method. */
function hasRequestLine({ rawPacket, bytesParsed = 0 }: ParserError): boolean {
  if (rawPacket === undefined) return false;
  const start = bytesParsed === 0 ? 0 : rawPacket.lastIndexOf('\n', bytesParsed - 1) + 1;
  const end = rawPacket.indexOf('\n', start);
  const line = rawPacket.toString('latin1', start, end < 0 ? rawPacket.length : end);
  return /^[!#$%&'*+.^_`|~\w-]+ \S+ HTTP\/1\.[01]\r?$/.test(line);
}
