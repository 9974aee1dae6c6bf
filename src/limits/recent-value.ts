/** Time after which a value is read again (ms). */
const maxAge = 1_000;

/** A value that is read up to once a second, such as a setting in the store that many requests need. */
export class RecentValue<Value> {
  readonly #read: () => Promise<Value>;
  #recent: { value: Value; readAt: number } | undefined;
  #reading: Promise<Value> | undefined;

  constructor(read: () => Promise<Value>) {
    this.#read = read;
  }

  /** Returns the value. Reads it if it is older than a second, once for all callers. @throws if that fails */
  current(): Value | Promise<Value> {
    const recent = this.#recent;
    return recent !== undefined && performance.now() - recent.readAt < maxAge ? recent.value : this.refresh();
  }

  /** Reads the value and returns it. @throws if that fails */
  refresh(): Promise<Value> {
    this.#reading ??= this.#load().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #load(): Promise<Value> {
    const readAt = performance.now();
    const value = await this.#read();
    this.#recent = { value, readAt };
    return value;
  }
}
