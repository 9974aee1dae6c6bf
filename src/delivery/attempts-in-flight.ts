/** An attempt that has not ended. */
export interface AttemptInFlight {
  readonly leadId: string;
  /** Aborted when the attempt takes too long, or the server stops. */
  readonly signal: AbortSignal;
}

/** The attempts of one kind that are in flight in this process, each until its connection is free. */
export class AttemptsInFlight {
  readonly #timeout: number;
  readonly #endings = new Map<AttemptInFlight, { controller: AbortController; timer: NodeJS.Timeout }>();

  /** @param timeout maximum time of an attempt (ms) */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get size(): number {
    return this.#endings.size;
  }

  /** Begins an attempt, which is aborted when the timeout has passed. */
  begin(leadId: string): AttemptInFlight {
    const controller = new AbortController();
    const timer = setTimeout(
      () => controller.abort(new DOMException('The dialler did not respond in time.', 'TimeoutError')),
      this.#timeout,
    );
    const attempt = { leadId, signal: controller.signal };
    this.#endings.set(attempt, { controller, timer });
    return attempt;
  }

  end(attempt: AttemptInFlight): void {
    clearTimeout(this.#endings.get(attempt)?.timer);
    this.#endings.delete(attempt);
  }

  /** Aborts all attempts, because the server stops. */
  abort(): void {
    const reason = new DOMException('The server is stopping.', 'AbortError');
    for (const { controller } of this.#endings.values()) controller.abort(reason);
  }

  /** Returns the attempts that are in flight now. */
  current(): AttemptInFlight[] {
    return [...this.#endings.keys()];
  }

  includes(attempt: AttemptInFlight): boolean {
    return this.#endings.has(attempt);
  }

  /** Whether an attempt for a lead is in flight. */
  isInFlight(leadId: string): boolean {
    return this.current().some((attempt) => attempt.leadId === leadId);
  }
}
