import { RecentValue } from '../../limits/recent-value.ts';
import { type CallingHoursSetting, CallingRule } from './calling-hours.ts';

/** The calling hours of the lead type with a name; null: undecided. */
interface NamedHours {
  name: string;
  callingHours: CallingHoursSetting | null;
}

/** The rules of lead types, by each of their names. A type whose people may be called at any time has none. */
export type RulesByType = ReadonlyMap<string, CallingRule>;

/** Reads the calling hours of all lead types, up to once a second. */
export class CallingRules {
  readonly #read: () => Promise<readonly NamedHours[]>;
  readonly #undecided: CallingHoursSetting;
  readonly #rules = new RecentValue(() => this.#load());
  /** The rules of the last read by their hours, so that their caches are kept. */
  #known = new Map<string, CallingRule>();

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
    return this.#rules.current();
  }

  /** Reads the rules and returns them. @throws if that fails */
  refresh(): Promise<RulesByType> {
    return this.#rules.refresh();
  }

  async #load(): Promise<RulesByType> {
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
    return rules;
  }
}
