import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply } from '../contract/reply.ts';

/** Time for the client to read the response before its connection is closed (ms). */
const lingerTime = 1_000;

/** Writes a response directly to a socket that Node's HTTP parser has abandoned, and ends the connection. */
export function respondOnSocket(socket: Socket, reply: Reply, requestId: string): void {
  const headers = {
    ...reply.headers,
    'Request-Id': requestId,
    'Content-Length': String(Buffer.byteLength(reply.text)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}`;
  endSocket(socket, [status, ...lines, '', reply.text].join('\r\n'));
}

/** Sends a text and ends the connection. */
export function endSocket(socket: Socket, text = ''): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(text);
  // Closing immediately could discard the response if the client is still sending.
  const timer = setTimeout(() => socket.destroy(), lingerTime).unref();
  // A timer keeps the memory of a closed socket.
  socket.once('close', () => clearTimeout(timer));
}
