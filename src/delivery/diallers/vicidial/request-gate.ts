import type { RequestLimit } from '../../dialler.ts';
import { RequestFailed } from './request-failed.ts';

/** A request that waits until it may be sent. */
interface Waiting {
  send(): void;
  refuse(error: RequestFailed): void;
}

/**
 * Limits the number of requests that VICIdial processes at once, whatever they are for. The others wait here. A lead
 * counts only while a request for it is sent, and not while its attempt is being recorded. After a failed login, the
 * gate is closed: nothing is sent until the pause that the failure has caused ends.
 */
export class RequestGate implements RequestLimit {
  readonly maxTotal: number;
  readonly max: number;
  #limit: number;
  /** Until when requests may be sent (`performance.now()`). */
  #until = Number.POSITIVE_INFINITY;
  #inFlight = 0;
  #waiting: Waiting[] = [];
  /** Why nothing is sent. Undefined: it is open. */
  #closed: RequestFailed | undefined;

  /**
   * @param max maximum number of requests at once, which applies until `allow` is called
   * @param maxTotal the maximum of all servers together
   */
  constructor(max: number, maxTotal: number) {
    this.max = max;
    this.maxTotal = maxTotal;
    this.#limit = max;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get current(): number {
    return performance.now() < this.#until ? this.#limit : 0;
  }

  allow(limit: number, until: number): void {
    this.#limit = limit;
    this.#until = until;
    this.#sendWaiting();
  }

  /**
   * Waits until a request may be sent. Then `leave` must be called once it has ended.
   *
   * @param signal ends the wait
   * @throws {RequestFailed} if the wait ended before; nothing was sent
   */
  async enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw notSent();
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#inFlight < this.current) {
      this.#inFlight += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        signal.removeEventListener('abort', abort);
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
      };
      const waiting: Waiting = {
        send: () => {
          end();
          resolve();
        },
        refuse: (error) => {
          end();
          reject(error);
        },
      };
      const abort = () => waiting.refuse(notSent());
      signal.addEventListener('abort', abort);
      this.#waiting.push(waiting);
    });
  }

  /** Ends a request, and sends the next one that waits. */
  leave(): void {
    this.#inFlight -= 1;
    this.#sendWaiting();
  }

  /** Refuses all requests from now on, because each would end with the same error: a failed login. */
  close(error: RequestFailed): void {
    this.#closed = error;
    for (const waiting of [...this.#waiting]) waiting.refuse(error);
  }

  resume(): void {
    this.#closed = undefined;
  }

  #sendWaiting(): void {
    while (this.#inFlight < this.current) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#inFlight += 1;
      next.send();
    }
  }
}

function notSent(): RequestFailed {
  return new RequestFailed({ outcome: 'unavailable', response: 'not sent: VICIdial was busy for too long' });
}
