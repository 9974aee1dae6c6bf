import { RequestFailed } from './request-failed.ts';

/** A request that waits until it may be sent. */
interface Waiting {
  send(): void;
  refuse(error: RequestFailed): void;
}

/**
 * Limits the number of requests that VICIdial processes at once. The others wait here: a lead whose attempt is being
 * recorded keeps no place.
 */
export class RequestGate {
  #free: number;
  #waiting: Waiting[] = [];

  /** @param limit maximum number of requests at once */
  constructor(limit: number) {
    this.#free = limit;
  }

  /**
   * Waits until a request may be sent. Then `leave` must be called once it has ended.
   *
   * @param signal ends the wait
   * @throws {RequestFailed} if the wait ended before; nothing was sent
   */
  async enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw notSent();
    if (this.#free > 0) {
      this.#free -= 1;
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
    const [next] = this.#waiting;
    if (next === undefined) this.#free += 1;
    else next.send();
  }

  /** Refuses the requests that wait, because each would end with the same error, such as a failed login. */
  refuseWaiting(error: RequestFailed): void {
    for (const waiting of [...this.#waiting]) waiting.refuse(error);
  }
}

function notSent(): RequestFailed {
  return new RequestFailed({ outcome: 'unavailable', response: 'not sent: VICIdial was busy for too long' });
}
