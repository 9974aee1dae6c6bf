import { connect, type Socket } from 'node:net';
import type { ReceivedResponse } from '../harness/contract.ts';

/** Maximum time to wait for a response (ms). */
const responseTimeout = 10_000;

/** An HTTP connection that sends any bytes and reads responses one by one. */
export class RawConnection {
  readonly #address: { host: string; port: number };
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #wake = () => {};

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#address = { host: hostname, port: Number(port) };
  }

  /** Sends bytes and returns the response. @throws if there is none, or it is not HTTP */
  async exchange(bytes: Buffer): Promise<ReceivedResponse> {
    const socket = await this.#open();
    socket.write(bytes);
    const response = await this.#nextResponse(socket);
    if (response === undefined) throw new Error('The connection ended without a response.');
    if (response.headers['connection'] === 'close') this.close();
    return response;
  }

  /**
   * Sends bytes and returns all responses.
   *
   * @throws if the server does not close the connection, or there is no response
   */
  async exchangeLast(bytes: Buffer): Promise<ReceivedResponse[]> {
    const socket = await this.#open();
    socket.write(bytes);
    const responses: ReceivedResponse[] = [];
    for (;;) {
      const response = await this.#nextResponse(socket);
      if (response === undefined) break;
      responses.push(response);
    }
    if (responses.length === 0) throw new Error('The connection ended without a response.');
    this.close();
    return responses;
  }

  /** Number of received bytes that belong to no request. */
  get surplus(): number {
    return this.#received.length;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#received = Buffer.alloc(0);
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== undefined && !this.#socket.destroyed && !this.#socket.readableEnded)
      return this.#socket;
    this.close();
    const socket = connect(this.#address);
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('end', () => this.#wake()).on('close', () => this.#wake());
    // `exchange` reports the missing response.
    socket.on('error', () => this.#wake());
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  }

  /**
   * Waits for the next response. Undefined: the server has closed the connection.
   *
   * @throws if neither happens in time
   */
  async #nextResponse(socket: Socket): Promise<ReceivedResponse | undefined> {
    const end = performance.now() + responseTimeout;
    for (;;) {
      const response = this.#takeResponse();
      if (response !== undefined) return response;
      if (socket.destroyed || socket.readableEnded) return undefined;
      if (performance.now() > end) throw new Error('The server neither responded nor closed the connection.');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Removes a complete response from what was received, skipping `100 Continue`. */
  #takeResponse(): ReceivedResponse | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [statusLine = '', ...lines] = this.#received.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`The response is not HTTP: ${statusLine.slice(0, 80)}`);
    if (status === 100) {
      this.#received = this.#received.subarray(end + 4);
      return this.#takeResponse();
    }
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const length = Number(headers['content-length'] ?? 0);
    const body = this.#received.subarray(end + 4, end + 4 + length);
    if (body.length < length) return undefined;
    this.#received = this.#received.subarray(end + 4 + length);
    const text = body.toString('utf8');
    return { status, headers, text, json: text === '' ? undefined : JSON.parse(text) };
  }
}
