/** Documents are served within a memory limit, because they are a thousand times as large as other responses. */
import { EventEmitter } from 'node:events';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createDocument } from '../../src/server/document.ts';
import { Documents } from '../../src/server/documents.ts';

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

/** A connection of which the system has accepted 1,000 bytes. */
function connection() {
  const handle = { bytesWritten: 2_000, writeQueueSize: 1_000 };
  const reset = vi.fn(() => void socket.emit('close'));
  const socket = Object.assign(new EventEmitter(), {
    resetAndDestroy: reset,
    _handle: handle,
    /** The response in progress. */
    _httpMessage: null as object | null,
  });
  /** Reads a byte. */
  const read = () => {
    handle.writeQueueSize -= 1;
  };
  return { socket, read, reset, resets: () => reset.mock.calls.length };
}

/** Requests a document of 1,000 bytes. Returns the response. */
function download(
  documents: Documents,
  { socket }: ReturnType<typeof connection>,
  { method = 'GET', closed = false } = {},
) {
  const outgoing = { closed };
  // The cast: documents use nothing else of a request.
  const context = {
    env: { incoming: { socket }, outgoing },
    req: { method, header: () => undefined },
  } as unknown as Parameters<Documents['serve']>[0];
  documents.serve(context, createDocument(Buffer.alloc(1_000), {}));
  return outgoing;
}

test('resets the connection of a client that takes longer than a minute to read a document', () => {
  const documents = new Documents(() => '192.0.2.1');
  const slow = connection();
  download(documents, slow);
  vi.advanceTimersByTime(30_000);
  // The minute starts with the first document.
  download(documents, slow);
  vi.advanceTimersByTime(29_999);
  expect(slow.resets()).toBe(0);
  vi.advanceTimersByTime(1);
  expect(slow.resets()).toBe(1);
});

test('resets a connection after a minute although an earlier document is still being sent', () => {
  const documents = new Documents(() => '192.0.2.1');
  const pipelining = connection();
  pipelining.socket._httpMessage = download(documents, pipelining);
  download(documents, pipelining);
  vi.advanceTimersByTime(60_000);
  expect(pipelining.resets()).toBe(1);
});

test('resets a connection after a minute only if no request after its latest document is in flight', () => {
  const documents = new Documents(() => '192.0.2.1');
  const busy = connection();
  download(documents, busy, { closed: true });
  busy.socket._httpMessage = { closed: false };
  vi.advanceTimersByTime(65_000);
  expect(busy.resets()).toBe(0);
  // A client could otherwise keep an unread document for as long as it sends requests.
  busy.socket._httpMessage = download(documents, busy);
  vi.advanceTimersByTime(5_000);
  expect(busy.resets()).toBe(1);
});

test('resets a connection without a request in flight a minute after its download', () => {
  const documents = new Documents(() => '192.0.2.1');
  const idle = connection();
  download(documents, idle, { closed: true });
  vi.advanceTimersByTime(60_000);
  expect(idle.resets()).toBe(1);
});

test('resets no connection as long as the unread documents do not exceed the limit', () => {
  const documents = new Documents(() => '192.0.2.1', 2_000);
  const [first, second, third] = [connection(), connection(), connection()];
  download(documents, first);
  download(documents, second);
  expect(first.resets()).toBe(0);
  download(documents, third);
  expect([first, second, third].map(({ resets }) => resets())).toEqual([1, 0, 0]);
});

test('counts every document on a connection until it is closed', () => {
  const documents = new Documents(() => '192.0.2.1', 4_000);
  const [one, several, last] = [connection(), connection(), connection()];
  download(documents, several);
  for (let count = 0; count < 2; count += 1) download(documents, several);
  download(documents, one);
  expect(several.resets()).toBe(0);
  several.socket.emit('close');
  for (let count = 0; count < 3; count += 1) download(documents, last);
  expect(one.resets()).toBe(0);
  download(documents, last);
  expect(one.resets()).toBe(1);
});

test('does not count HEAD requests, whose response has no document', () => {
  const documents = new Documents(() => '192.0.2.1', 1_000);
  const [first, other] = [connection(), connection()];
  download(documents, first);
  download(documents, other, { method: 'HEAD' });
  vi.advanceTimersByTime(60_000);
  expect([first, other].map(({ resets }) => resets())).toEqual([1, 0]);
});

test('never resets the connection of the document that exceeds the limit', () => {
  const documents = new Documents(() => '192.0.2.1', 1_500);
  const only = connection();
  download(documents, only);
  download(documents, only);
  expect(only.resets()).toBe(0);
});

test('above the limit, resets the oldest connection that is not being read', () => {
  const documents = new Documents(() => '192.0.2.1', 2_500);
  const [reading, stalled, last] = [connection(), connection(), connection()];
  download(documents, reading);
  download(documents, stalled);
  reading.read();
  vi.advanceTimersByTime(5_000);
  download(documents, last);
  expect([reading, stalled, last].map(({ resets }) => resets())).toEqual([0, 1, 0]);
});

test('above the limit, a connection that has not been read for five seconds no longer counts as being read', () => {
  const documents = new Documents(() => '192.0.2.1', 2_500);
  const [stalled, other] = [connection(), connection()];
  download(documents, stalled);
  download(documents, other);
  stalled.read();
  vi.advanceTimersByTime(10_000);
  download(documents, connection());
  expect([stalled, other].map(({ resets }) => resets())).toEqual([1, 0]);
});

test('above the limit, resets only the oldest connection if all are being read', () => {
  const documents = new Documents(() => '192.0.2.1', 2_500);
  const [first, second] = [connection(), connection()];
  for (const each of [first, second]) {
    download(documents, each);
    each.read();
  }
  vi.advanceTimersByTime(5_000);
  download(documents, connection());
  expect([first, second].map(({ resets }) => resets())).toEqual([1, 0]);
});

test('checks connections with one timer, until all are closed', () => {
  const documents = new Documents(() => '192.0.2.1');
  for (let round = 0; round < 2; round += 1) {
    const [first, second] = [connection(), connection()];
    download(documents, first);
    download(documents, second);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect([first, second].map(({ resets }) => resets())).toEqual([1, 1]);
    expect(vi.getTimerCount()).toBe(0);
  }
});
