/**
 * Maximum time from sending a claim or a renewal to the store until an attempt starts (ms). Once it has passed since an
 * objection was committed, no attempt starts whose claim did not see the objection.
 */
export const maxStartDelay = 2_000;

/** Every source of an entry in the do-not-call list. */
export const suppressionSources = ['partner', 'operator', 'import', 'dialler'] as const;

/** Source of an entry in the do-not-call list. */
export type SuppressionSource = (typeof suppressionSources)[number];

/** Whose entries they are. Each origin has its own, so that all entries of one can be removed. */
export interface SuppressionOrigin {
  source: SuppressionSource;
  /** Name of the partner, of the imported list or of the dialler; empty for operators. */
  sourceId: string;
}

/** Names an origin in the audit log, such as `partner acme`. */
export function originName({ source, sourceId }: SuppressionOrigin): string {
  return `${source} ${sourceId}`.trimEnd();
}

/** An entry for the do-not-call list: a number that is not called. */
export interface Suppression extends SuppressionOrigin {
  /** E.164. */
  mobile: string;
  /** Name of the lead type, or a former one; undefined: all types. */
  type: string | undefined;
  /** Plain text. */
  reason: string | undefined;
  /** When the person objected (ms since 1970). */
  objectedAt: number;
}

/** An entry in the do-not-call list. */
export interface SuppressionRecord extends Suppression {
  /** When it was entered (ms since 1970). */
  enteredAt: number;
  /** Id of the key that the partner sent it with; undefined: it is from no partner. */
  keyId: string | undefined;
}

/** Leads of numbers that were entered. */
export interface SuppressedLeads {
  /** Ids of the leads that became `suppressed`: the dialler cannot have them. */
  leads: string[];
  /** Ids of the leads that the dialler has or may have: they are being withdrawn. */
  withdrawals: string[];
}

/** What entering numbers changed. */
export interface Suppressed extends SuppressedLeads {
  /** Number of entries that were not in the list before. */
  added: number;
}

/** An objection that a partner sent. */
export interface PartnerObjection {
  partner: string;
  /** Id of the key that it was sent with. */
  keyId: string;
  /** E.164. */
  mobile: string;
  /** Name of the lead type, as sent; undefined: all types. */
  type: string | undefined;
  reason: string | undefined;
  /** Milliseconds since 1970. */
  receivedAt: number;
}

/** Maximum number of entries that a partner can add. */
export interface ObjectionCap {
  max: number;
  /** Start of the period in which they are counted (ms since 1970). */
  since: number;
}

/** Result of recording an objection of a partner. */
export type ObjectionResult =
  | ({
      outcome: 'recorded';
      /** Whether the type was never granted to the partner, so that the objection applies to all types. */
      isTypeUnknown: boolean;
    } & SuppressedLeads)
  | { outcome: 'over-cap' };

/** Restricts a list of entries. A missing member does not restrict it. */
export interface SuppressionFilter {
  mobile?: string;
  source?: SuppressionSource;
  sourceId?: string;
}

/** Lines of a file that are imported together, for the evidence. */
export interface ImportedLines {
  /** Name of the list. */
  list: string;
  /** Name of the file, without its folder. */
  file: string;
  /** Number of lines that were read, valid or not. */
  lines: number;
  /** Operator who ran the command. */
  operator: string;
}

/** The removal of an imported list, for the evidence. */
export interface RemovedList {
  /** Name of the list. */
  list: string;
  /** Operator who ran the command. */
  operator: string;
  /** Number of entries that were removed. */
  removed: number;
}

/** Number of entries of an origin. */
export interface SuppressionCount extends SuppressionOrigin {
  count: number;
}

/** Result of removing entries. */
export interface RemovedSuppressions {
  removed: number;
  /** Ids of the leads that are scheduled again. */
  leads: string[];
}

/** One step of removing the entries of an origin. */
export interface RemovalStep extends RemovedSuppressions {
  /** Position at which the next step continues; undefined: this was the last. */
  next: string | undefined;
}

/** A number that a lead would be called on. */
export interface LeadNumber {
  leadId: string;
  /** E.164. */
  mobile: string;
}

/** A lead that a claim holds: an attempt may start, or is in flight. */
export interface LeadInFlight {
  id: string;
  claim: string;
  mobile: string;
  /** Request body as sent: JSON text. */
  content: string;
}

/**
 * The do-not-call list. A number in it is not added, and no attempt to deliver a lead of it is started.
 *
 * Entering a number suppresses its scheduled and held leads in the same transaction. For leads that a claim holds, or
 * that the dialler has or may have, a withdrawal begins.
 */
export interface Suppressions {
  /**
   * Enters numbers, or none of them. An entry that exists already is not changed.
   *
   * @param imported where entries whose source is `import` come from, which the evidence documents together
   * @throws {UserError} if a lead type does not exist
   */
  addSuppressions(entries: readonly Suppression[], imported?: ImportedLines): Promise<Suppressed>;
  /**
   * Enters the number of a person who objected. Repeating it has no effect.
   *
   * An objection to a type that was never granted to the partner is recorded for all types: it must not be lost because
   * a name is misspelt. Beyond the cap, an objection that is not recorded yet is refused.
   */
  recordObjection(objection: PartnerObjection, cap: ObjectionCap): Promise<ObjectionResult>;
  /**
   * Suppresses or withdraws the leads of numbers in the list, like entering them. Called once an entry is committed, it
   * finds the leads that were added at the same moment.
   */
  suppressLeads(mobiles: readonly string[]): Promise<SuppressedLeads>;
  /** Records in the evidence that an imported list was removed: the entries of its numbers are not in it. */
  recordRemovedList(record: RemovedList): Promise<void>;
  /** Lists all entries of a number. */
  suppressionsOf(mobile: string): Promise<SuppressionRecord[]>;
  /** Lists entries by number. */
  suppressions(filter: SuppressionFilter, limit: number): AsyncIterable<SuppressionRecord>;
  /** Counts the entries of each origin. Reads the whole list. */
  countSuppressions(): Promise<SuppressionCount[]>;
  /**
   * Removes the entries of a number.
   *
   * @param isRestoring whether leads that became `suppressed` since the entry are scheduled again, if no other entry
   *   prevents it
   */
  removeSuppressions(filter: { mobile: string }, isRestoring: boolean): Promise<RemovedSuppressions>;
  /**
   * Removes the entries of an origin, in steps between which other calls can write.
   *
   * @param after `next` of the step before; '': the first step
   * @param isRestoring as for `removeSuppressions`
   */
  removeSuppressionsOf(origin: SuppressionOrigin, after: string, isRestoring: boolean): Promise<RemovalStep>;
  /** Returns those of the numbers that are in the list for all types, or for the type of one of the leads. */
  suppressedNumbers(leadIds: readonly string[], numbers: readonly string[]): Promise<LeadNumber[]>;
  /**
   * Ends leads that a claim holds and that were not sent: their attempts do not count. Leads that the dialler may have
   * from an earlier attempt are withdrawn.
   */
  suppressClaimed(claim: string, leadIds: readonly string[]): Promise<SuppressedLeads>;
  /**
   * Lists the leads that claims hold. A lead whose lease has ended is left out: before it is sent, its lease is
   * renewed, which leaves out suppressed leads. Undefined: too many leads are due soon to search them.
   */
  leadsInFlight(): Promise<LeadInFlight[] | undefined>;
}
