/** A lead type, by one of its names, for which a partner must send the person's consent. */
export interface ConsentRule {
  partnerId: number;
  type: string;
}

/** The rules about consent. */
export interface ConsentRules {
  /** Returns the names, former ones included, of all types that require consent, for each partner that can add leads. */
  consentRules(): Promise<ConsentRule[]>;
}
