/** Documents are served within a memory limit, because they are a thousand times as large as other responses. */
import { EventEmitter } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { docsFile } from '../../src/server/docs-page.ts';
import { createDocument, isCurrent, representationOf } from '../../src/server/document.ts';
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
    destroyed: false,
  });
  /** Reads a byte. */
  const read = () => {
    handle.writeQueueSize -= 1;
  };
  return { socket, read, reset, resets: () => reset.mock.calls.length };
}

/** Requests a document of 1,000 bytes. Returns Node's response and the application's. */
function download(
  documents: Documents,
  { socket }: ReturnType<typeof connection>,
  { method = 'GET', closed = false, acceptEncoding = '' } = {},
) {
  const outgoing = { closed };
  // The cast: documents use nothing else of a request.
  const context = {
    env: { incoming: { socket }, outgoing },
    req: { method, header: (name: string) => (name === 'Accept-Encoding' ? acceptEncoding : undefined) },
  } as unknown as Parameters<Documents['serve']>[0];
  const response = documents.serve(context, createDocument(Buffer.alloc(1_000), {}));
  return { outgoing, response };
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
  pipelining.socket._httpMessage = download(documents, pipelining).outgoing;
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
  busy.socket._httpMessage = download(documents, busy).outgoing;
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

test('does not count a document whose client has left while it was compressed', async () => {
  const documents = new Documents(() => '192.0.2.1', 1_000);
  const [left, first] = [connection(), connection()];
  const { response } = download(documents, left, { acceptEncoding: 'br' });
  left.socket.destroyed = true;
  download(documents, first);
  expect((await response).headers.get('content-encoding')).toBe('br');
  expect(first.resets()).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('sends a document as it is if it cannot be compressed', async () => {
  const document = createDocument(Buffer.from('a document'), {});
  // The cast: zlib rejects a number, and no document is known that it rejects.
  document.bytes = 7 as unknown as Buffer;
  const { headers, bytes } = await representationOf(document, 'br');
  expect(bytes).toBe(7);
  expect(headers).not.toHaveProperty('Content-Encoding');
});

test('compresses a document once for all requests, and then responds without waiting', async () => {
  const document = createDocument(Buffer.from('a document'), {});
  const first = representationOf(document, 'gzip');
  const second = representationOf(document, 'gzip');
  const { bytes } = await first;
  expect((await second).bytes).toBe(bytes);
  expect(representationOf(document, 'gzip')).toMatchObject({ bytes });
});

test('keeps each content coding of a document', async () => {
  const text = 'a document '.repeat(1_000);
  const document = createDocument(Buffer.from(text), {}, Buffer.from('compressed before'));
  expect(representationOf(document, 'br')).toMatchObject({ bytes: Buffer.from('compressed before') });
  const { bytes } = await representationOf(document, 'gzip');
  expect(gunzipSync(bytes).toString()).toBe(text);
  expect(bytes.length).toBeLessThan(1_000);
});

test.each([
  ['br, gzip', 'br'],
  ['gzip, br', 'br'],
  ['gzip;q=0.9, br;q=0.8', 'gzip'],
  ['GZip', 'gzip'],
  ['gzip ; q=0.5', 'gzip'],
  ['br;q=0, *', 'gzip'],
  ['*;q=0, gzip', 'gzip'],
  ['*', 'br'],
  ['identity;q=0.5, gzip;q=0.5', 'gzip'],
  ['identity, gzip;q=0.5', undefined],
  ['br;q=0, gzip;q=0', undefined],
  ['deflate', undefined],
  ['', undefined],
  [undefined, undefined],
])('sends a client that accepts %o a document coded as %o', async (accepted, coding) => {
  const document = createDocument(Buffer.from('a document'), {});
  const { headers } = await representationOf(document, accepted);
  expect(headers['Content-Encoding']).toBe(coding);
});

test('the tag of a document is weak, because it is the same for every coding, and depends on its content', () => {
  const [one, other] = ['one', 'other'].map((text) => createDocument(Buffer.from(text), {}).etag);
  expect(one).toMatch(/^W\/"[\w-]{22}"$/);
  expect(one).not.toBe(other);
});

test.each([
  ['the tag', (tag: string) => tag, true],
  ['the tag as a strong one', (tag: string) => tag.slice(2), true],
  ['another tag first', (tag: string) => `"other",  ${tag} `, true],
  ['any tag', () => ' * ', true],
  ['another tag', () => 'W/"other"', false],
  ['a part of the tag', (tag: string) => `${tag.slice(0, -2)}"`, false],
  ['nothing', () => '', false],
])('compares If-None-Match with %s', (_what, value, isSame) => {
  const document = createDocument(Buffer.from('a document'), {});
  expect(isCurrent(document, value(document.etag))).toBe(isSame);
});

test('a contact with special characters is shown as it is', () => {
  const page = docsFile('index.html', { supportContact: 'https://leads.example/?to=mailto:a&b="$&<' });
  expect(page.bytes.toString()).toContain(
    '<p id="contact">Contact: <a href="https://leads.example/?to=mailto:a&#38;b=&#34;$&#38;&#60;">' +
      'https://leads.example/?to=mailto:a&#38;b=&#34;$&#38;&#60;</a></p>',
  );
});

test('each contact and each URL of the server has files of its own, which are loaded once', () => {
  for (const values of [{ supportContact: 'tel:1' }, { publicUrl: 'https://one.example.org' }]) {
    expect(docsFile('index.html', values)).toBe(docsFile('index.html', { ...values }));
    expect(docsFile('index.html', values)).not.toBe(docsFile('index.html'));
  }
});
