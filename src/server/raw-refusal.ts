import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply } from '../contract/reply.ts';

/** How long a client whose connection is given up has to read why, in milliseconds. */
const lingering = 1_000;

/** Answers on a connection that Node's HTTP parser has given up, and ends it. */
export function refuseRaw(socket: Socket, reply: Reply, requestId: string): void {
  const headers = {
    ...reply.headers,
    'Request-Id': requestId,
    'Content-Length': String(Buffer.byteLength(reply.text)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`;
  endRaw(socket, [status, ...lines, '', reply.text].join('\r\n'));
}

/** Ends a connection, after a text if there is one. */
export function endRaw(socket: Socket, text = ''): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(text);
  // To cut the connection at once could take the answer away from a client that is still sending.
  setTimeout(() => socket.destroy(), lingering).unref();
}
