import { type CallingHoursSetting, CallingRule } from './calling-hours.ts';

/** The calling hours of the lead type with a name; null: undecided. */
interface NamedHours {
  name: string;
  callingHours: CallingHoursSetting | null;
}

/** The rules of lead types, by each of their names. A type whose people may be called at any time has none. */
export type RulesByType = ReadonlyMap<string, CallingRule>;

/** Time after which calling hours are read again (ms). */
const maxAge = 1_000;

/** Reads the calling hours of all lead types, up to once a second. */
export class CallingRules {
  readonly #read: () => Promise<readonly NamedHours[]>;
  readonly #undecided: CallingHoursSetting;
  #rules: RulesByType = new Map();
  /** The rules of the last read by their hours, so that their caches are kept. */
  #known = new Map<string, CallingRule>();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<RulesByType> | undefined;

  /**
   * @param read reads the calling hours of all types
   * @param undecided calling hours of types for which nobody has decided
   */
  constructor(read: () => Promise<readonly NamedHours[]>, undecided: CallingHoursSetting) {
    this.#read = read;
    this.#undecided = undecided;
  }

  /** Returns the rules. Reads them if they are older than a second. @throws if that fails */
  current(): RulesByType | Promise<RulesByType> {
    return performance.now() - this.#readAt < maxAge ? this.#rules : this.refresh();
  }

  /** Reads the rules and returns them. @throws if that fails */
  refresh(): Promise<RulesByType> {
    this.#reading ??= this.#load().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #load(): Promise<RulesByType> {
    const startedAt = performance.now();
    const known = new Map<string, CallingRule>();
    const rules = new Map<string, CallingRule>();
    for (const { name, callingHours } of await this.#read()) {
      const hours = callingHours ?? this.#undecided;
      if (hours === 'always') continue;
      const key = JSON.stringify(hours);
      const rule = known.get(key) ?? this.#known.get(key) ?? new CallingRule(hours);
      known.set(key, rule);
      rules.set(name, rule);
    }
    this.#known = known;
    this.#rules = rules;
    this.#readAt = startedAt;
    return rules;
  }
}
