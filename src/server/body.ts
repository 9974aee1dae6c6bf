import type { IncomingMessage } from 'node:http';

/** Why a body was not read to its end. */
export type Unread = 'too-large' | 'cut-short';

/**
 * Reads the whole body, but never more than `maxBytes`: a body that says that it is larger is not
 * read at all, and one that turns out to be is dropped as it comes.
 */
export function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer | Unread> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve('too-large');
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Buffer | Unread) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onCut).off('close', onCut);
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) settle('too-large');
      else chunks.push(chunk);
    };
    const onEnd = () => settle(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size));
    const onCut = () => settle('cut-short');
    incoming.on('data', onData).on('end', onEnd).on('error', onCut).on('close', onCut);
    if (incoming.destroyed) onCut();
  });
}
