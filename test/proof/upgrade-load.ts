import { setTimeout as sleep } from 'node:timers/promises';
import { mobileOf } from '../harness/mobile.ts';
import type { VersionServer } from './version-server.ts';

/** Number of requests in flight. */
const senders = 20;

/** Partners that send people to several servers, and repeat a request that was not acknowledged. */
export class UpgradeLoad {
  /** People whose lead was acknowledged. */
  readonly accepted: string[] = [];
  /** Responses that the contract does not allow, such as a 503 without `Retry-After`. */
  readonly faults: string[] = [];
  readonly #servers: VersionServer[];
  readonly #key: string;
  readonly #responses = new Map<string, number>();
  readonly #sending: Promise<unknown>;
  #people = 0;
  #isStopping = false;
  #acceptedAt = performance.now();
  #longestGap = 0;

  constructor(servers: readonly VersionServer[], key: string) {
    this.#servers = [...servers];
    this.#key = key;
    this.#sending = Promise.all(Array.from({ length: senders }, () => this.#send()));
  }

  /** Sends requests to another server from now on. */
  replace(server: VersionServer, by: VersionServer): void {
    this.#servers[this.#servers.indexOf(server)] = by;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#sending;
  }

  /** Returns what the partners received, one line each. */
  report(): string[] {
    const lines = [...this.#responses].toSorted().map(([response, count]) => `${response}: ${count}`);
    lines.push(`longest time without an accepted lead: ${Math.round(this.#longestGap)} ms`);
    return [...lines, ...this.faults.slice(0, 10)];
  }

  async #send(): Promise<void> {
    while (!this.#isStopping) {
      this.#people += 1;
      const person = this.#people;
      for (let attempt = 0; !(await this.#add(person, attempt)); attempt += 1) await sleep(100);
    }
  }

  /** Sends a person to one of the servers. Returns whether the lead was acknowledged. */
  async #add(person: number, attempt: number): Promise<boolean> {
    const server = this.#servers[(person + attempt) % this.#servers.length];
    if (server === undefined) return false;
    const mobile = mobileOf(person);
    try {
      const response = await fetch(`${server.url}/lead/add`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.#key}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': mobile,
        },
        body: JSON.stringify({
          email: 'john.doe@test.com',
          first_name: 'John',
          surname: 'Doe',
          mobile,
          type: 'motor',
        }),
      });
      const text = await response.text();
      this.#count(`${server.name}: ${response.status}`);
      if (response.status === 200) this.#accept(mobile, text);
      else if (response.status !== 503 || response.headers.get('retry-after') === null) {
        this.faults.push(`${server.name} responded ${response.status}: ${text}`);
      }
      return response.status === 200;
    } catch {
      // The server stopped.
      this.#count(`${server.name}: no response`);
      return false;
    }
  }

  #accept(mobile: string, text: string): void {
    if (!text.includes('"processed":true')) this.faults.push(`${mobile} was not accepted: ${text}`);
    this.accepted.push(mobile);
    const now = performance.now();
    this.#longestGap = Math.max(this.#longestGap, now - this.#acceptedAt);
    this.#acceptedAt = now;
  }

  #count(response: string): void {
    this.#responses.set(response, (this.#responses.get(response) ?? 0) + 1);
  }
}
