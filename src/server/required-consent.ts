import { RecentValue } from '../limits/recent-value.ts';
import type { ConsentRules } from '../store/consent-rules.ts';

/** The fields without which a consent proves nothing. */
const requiredFields = ['consent_text', 'consent_at'] as const;

const none: readonly string[] = [];

/**
 * The rules about consent of each partner and lead type, so that a request is validated by all rules at once, before it
 * reaches the store. Reading them for each request would cost PostgreSQL a query: a change takes effect within a
 * second.
 */
export class RequiredConsent {
  readonly #store: ConsentRules;
  readonly #rules = new RecentValue(() => this.#read());

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
    const rules = this.#rules.current();
    return rules instanceof Promise ? rules.then(fieldsBy) : fieldsBy(rules);
  }

  async #read(): Promise<ReadonlySet<string>> {
    const rules = await this.#store.consentRules();
    return new Set(rules.map(({ partnerId, type }) => ruleOf(partnerId, type)));
  }
}

function ruleOf(partnerId: number, type: string): string {
  return `${partnerId} ${type}`;
}
