import type { ConsentRules } from '../store/consent-rules.ts';

/** The fields without which a consent proves nothing. */
const requiredFields = ['consent_text', 'consent_at'] as const;

const none: readonly string[] = [];

/** Time for which the rules are used (ms). Reading them for each request would cost PostgreSQL a query. */
const lifetime = 1_000;

/**
 * The rules about consent of each partner and lead type, so that a request is validated by all rules at once, before it
 * reaches the store. A change takes effect within a second.
 */
export class RequiredConsent {
  readonly #store: ConsentRules;
  /** A promise while they are read. */
  #rules: ReadonlySet<string> | Promise<ReadonlySet<string>> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(store: ConsentRules) {
    this.#store = store;
  }

  /**
   * Returns the optional fields that a request to add a lead must contain.
   *
   * @param body as it was sent
   * @throws if the store fails
   */
  fieldsOf(partnerId: number, body: unknown): readonly string[] | Promise<readonly string[]> {
    const { type }: { type?: unknown } = Object(body);
    if (typeof type !== 'string') return none;
    const fieldsBy = (current: ReadonlySet<string>) =>
      current.size > 0 && current.has(ruleOf(partnerId, type)) ? requiredFields : none;
    const rules = this.#current();
    return rules instanceof Promise ? rules.then(fieldsBy) : fieldsBy(rules);
  }

  #current(): ReadonlySet<string> | Promise<ReadonlySet<string>> {
    const now = performance.now();
    if (now - this.#readAt <= lifetime) return this.#rules;
    this.#readAt = now;
    const reading = this.#read();
    this.#rules = reading;
    const keep = (rules: ReadonlySet<string>) => {
      if (this.#rules === reading) this.#rules = rules;
    };
    // The requests that wait for it report its failure.
    reading.then(keep, () => {});
    return reading;
  }

  async #read(): Promise<ReadonlySet<string>> {
    try {
      const rules = await this.#store.consentRules();
      return new Set(rules.map(({ partnerId, type }) => ruleOf(partnerId, type)));
    } catch (error) {
      // The next request reads them again.
      this.#readAt = Number.NEGATIVE_INFINITY;
      throw error;
    }
  }
}

function ruleOf(partnerId: number, type: string): string {
  return `${partnerId} ${type}`;
}
