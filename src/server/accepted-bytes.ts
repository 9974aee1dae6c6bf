import type { Socket } from 'node:net';

/** Returns the number of bytes that the system has accepted for a connection. It accepts more as the client reads. */
export function acceptedBytes(socket: Socket): number {
  // The cast: Node keeps both numbers there, but its types do not declare it.
  const { _handle: handle } = socket as Socket & {
    _handle?: { bytesWritten: number; writeQueueSize: number } | null;
  };
  return handle ? handle.bytesWritten - handle.writeQueueSize : 0;
}
