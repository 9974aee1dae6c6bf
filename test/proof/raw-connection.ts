import { connect, type Socket } from 'node:net';
import type { ReceivedResponse } from '../harness/contract.ts';

/** How long an answer is waited for before it counts as missing, in milliseconds. */
const patience = 10_000;

/** An HTTP connection on which anything can be sent, and whose answers are read one by one. */
export class RawConnection {
  readonly #address: { host: string; port: number };
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #wake = () => {};

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#address = { host: hostname, port: Number(port) };
  }

  /** Writes the bytes and gives the answer. @throws where none comes, or something that is no HTTP */
  async exchange(bytes: Buffer): Promise<ReceivedResponse> {
    const socket = await this.#open();
    socket.write(bytes);
    const end = performance.now() + patience;
    for (;;) {
      const answer = this.#take();
      if (answer !== undefined) {
        if (answer.headers['connection'] === 'close') this.close();
        return answer;
      }
      if (socket.destroyed || socket.readableEnded)
        throw new Error('The connection ended without an answer.');
      if (performance.now() > end) throw new Error('No answer came.');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** How many bytes came that no request was sent for. */
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
    // What it means is that no answer comes, which is told above.
    socket.on('error', () => this.#wake());
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return socket;
  }

  /** Takes one whole answer from what has come, passing over `100 Continue`. */
  #take(): ReceivedResponse | undefined {
    const end = this.#received.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [statusLine = '', ...lines] = this.#received.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error(`That is no HTTP: ${statusLine.slice(0, 80)}`);
    if (status === 100) {
      this.#received = this.#received.subarray(end + 4);
      return this.#take();
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
