import type { IncomingMessage } from 'node:http';

/** Why a body was not read to its end. */
export type UnreadBody = 'too-large' | 'incomplete';

/**
 * Reads a body of up to `maxBytes`. A larger one is not read if it has a Content-Length, and is otherwise dropped as it
 * arrives.
 */
export function readBody(
  incoming: IncomingMessage,
  maxBytes: number,
): Buffer | UnreadBody | Promise<Buffer | UnreadBody> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return 'too-large';
  if (incoming.complete && !incoming.destroyed) return readArrived(incoming, maxBytes);
  return readStream(incoming, maxBytes);
}

/** Reads a body that has already arrived, as most have. This is faster than listening for it. */
function readArrived(incoming: IncomingMessage, maxBytes: number): Buffer | UnreadBody {
  // A read without a length would return only the first packet.
  const body: Buffer = incoming.read(incoming.readableLength) ?? Buffer.alloc(0);
  // This read ends the stream. Until then, Node does not process the connection's next request.
  incoming.read();
  return body.length > maxBytes ? 'too-large' : body;
}

function readStream(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | UnreadBody> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Buffer | UnreadBody) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onAbort).off('close', onAbort);
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) settle('too-large');
      else chunks.push(chunk);
    };
    const onEnd = () => settle(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size));
    const onAbort = () => settle('incomplete');
    incoming.on('data', onData).on('end', onEnd).on('error', onAbort).on('close', onAbort);
    if (incoming.destroyed) onAbort();
  });
}
