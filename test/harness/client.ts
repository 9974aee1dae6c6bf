import { connect, type Socket } from 'node:net';
import type { OperationId } from '../../src/contract/reply.ts';
import {
  checkResponse,
  defaultBody,
  type ExampleRequest,
  operationOf,
  type ReceivedResponse,
} from './contract.ts';

/** A server, with a valid key. */
export interface Target {
  url: string;
  key: string;
  /** Matches the names of undocumented headers that it may send. */
  extraHeaders?: RegExp;
}

/** Sends a request to an operation, and checks the response against openapi.yaml. */
export async function send(
  target: Target,
  id: OperationId,
  sent: ExampleRequest = {},
): Promise<ReceivedResponse> {
  const operation = operationOf(id);
  const method = sent.method ?? operation.method;
  const address = new URL(sent.path ?? operation.path, target.url);
  for (const [name, value] of Object.entries({ key: target.key, ...sent.query })) {
    if (value !== null) address.searchParams.set(name, value);
  }
  const response = await fetch(address, {
    method,
    headers: { 'Content-Type': 'application/json', ...sent.headers },
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: bodyOf(id, sent) }),
    redirect: 'manual',
    duplex: 'half',
  });
  const text = await response.text();
  const received = responseOf(response.status, Object.fromEntries(response.headers), text);
  checkResponse(id, received, target.extraHeaders);
  return received;
}

/** Sends a JSON body to an operation. */
export function post(target: Target, id: OperationId, body: unknown): Promise<ReceivedResponse> {
  return send(target, id, { body });
}

/**
 * Returns a request with a JSON body as it is sent on a connection.
 *
 * @param headers further headers
 */
export function rawRequest(
  { key }: Pick<Target, 'key'>,
  id: OperationId,
  body: unknown = defaultBody(id),
  headers: Record<string, string> = {},
): { head: string; body: string } {
  const { method, path } = operationOf(id);
  const text = JSON.stringify(body);
  const lines = Object.entries({
    Host: 'leads.example',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(text)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return { head: `${method} ${path}?key=${key} HTTP/1.1\r\n${lines.join('')}\r\n`, body: text };
}

/** Writes bytes to the server and returns its first response. */
export async function sendRaw(target: Target, bytes: string | Buffer): Promise<ReceivedResponse> {
  const socket = openRaw(target);
  socket.write(bytes);
  const [response] = await responsesOn(socket, 1);
  socket.destroy();
  if (response === undefined) throw new Error('The server closed the connection without a response.');
  return response;
}

/** Opens a connection to the server. Its errors only end `responsesOn`. */
export function openRaw(target: Target, options: { allowHalfOpen?: boolean } = {}): Socket {
  const { hostname, port } = new URL(target.url);
  return connect({ port: Number(port), host: hostname, ...options }).on('error', () => {});
}

/** Reads up to `count` responses on a connection, until the server ends it. */
export function responsesOn(socket: Socket, count = Number.POSITIVE_INFINITY): Promise<ReceivedResponse[]> {
  return new Promise((resolve) => {
    let received = '';
    /** Length of the response that has begun; 0: unknown. Searching a long one after each chunk would take seconds. */
    let length = 0;
    const responses: ReceivedResponse[] = [];
    const settle = () => resolve(responses);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      while (received.length >= length) {
        length = lengthOfFirst(received);
        if (length === 0 || received.length < length) break;
        responses.push(parseResponse(received.slice(0, length)));
        received = received.slice(length);
        length = 0;
      }
      if (responses.length >= count) settle();
    });
    socket.on('end', settle).on('close', settle);
  });
}

/** Returns the length of the first response with its headers; 0: its headers are incomplete. */
function lengthOfFirst(received: string): number {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const [, length = '0'] = /^content-length: *(\d+)/im.exec(received.slice(0, end)) ?? [];
  return end + 4 + Number(length);
}

function parseResponse(received: string): ReceivedResponse {
  const end = received.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = Buffer.from(received.slice(end + 4), 'latin1').toString('utf8');
  return responseOf(Number(statusLine.split(' ')[1]), headers, body);
}

function responseOf(status: number, headers: Record<string, string>, text: string): ReceivedResponse {
  return { status, headers, text, json: text === '' ? undefined : JSON.parse(text) };
}

function bodyOf(id: OperationId, sent: ExampleRequest): NonNullable<RequestInit['body']> {
  if (sent.chunks !== undefined) return ReadableStream.from(sent.chunks.map((chunk) => Buffer.from(chunk)));
  if (sent.base64 !== undefined) return Uint8Array.from(Buffer.from(sent.base64, 'base64'));
  if (sent.text !== undefined) return sent.text;
  if (sent.body !== undefined) return JSON.stringify(sent.body);
  return JSON.stringify(mergePatch(defaultBody(id), sent.patch ?? {}));
}

/** Applies a flat JSON Merge Patch (RFC 7396): null removes a member. */
function mergePatch(value: object, patch: Record<string, unknown>): object {
  const members = Object.entries({ ...value, ...patch });
  return Object.fromEntries(members.filter(([name]) => patch[name] !== null));
}
