/** A list of a registry, such as TPS. */
export interface RegistryRecord {
  name: string;
  /** Maximum age of its list (ms). */
  maxAge: number;
  /** Date of the list in force (ms since 1970); null: none was imported. */
  datedAt: number | null;
  importedAt: number | null;
  /** Number of numbers in it. */
  size: number | null;
  /** Names of the lead types that require it. */
  types: string[];
}

/** A registry whose list in force contains a number. */
export interface RegistryListing {
  registry: string;
  /** Date of the list (ms since 1970). */
  datedAt: number;
  importedAt: number;
}

/** A number of a lead in the list of a registry that its type requires. */
export interface ListedNumber extends Omit<RegistryListing, 'importedAt'> {
  leadId: string;
  /** E.164. */
  mobile: string;
}

/** The list that an import has completed. */
export interface CompletedList {
  /** Number of numbers in it. */
  size: number;
  /** Date of the list that it replaces (ms since 1970); null: there was none. */
  replacedDate: number | null;
}

/**
 * Registries of numbers that are not called, such as TPS: named lists with a date. An import fills a list that nobody
 * reads, and replaces the list in force once it is complete, in one transaction.
 *
 * A number in a list is not added for a type that requires the registry. Delivery checks it again: see `RegistryRule`.
 */
export interface NumberRegistries {
  /** Lists the registries that have a list or are required by a type, by name. */
  registries(): Promise<RegistryRecord[]>;
  /**
   * Begins to import a list, and returns its id. Nobody reads it before it is completed.
   *
   * @param datedAt date of the list (ms since 1970)
   * @param maxAge maximum age of the lists of the registry (ms); undefined: it is not changed
   * @throws {UserError} if the list in force is newer
   */
  beginRegistryList(registry: string, datedAt: number, maxAge: number | undefined): Promise<number>;
  /**
   * Adds numbers to a list that is being imported. Returns how many it did not contain.
   *
   * @throws {UserError} if another import has completed a later list
   */
  addToRegistryList(id: number, mobiles: readonly string[]): Promise<number>;
  /**
   * Replaces the list in force by an imported one, and records it in the evidence.
   *
   * @param operator who has imported it
   * @throws {UserError} if another import has completed a later list
   */
  completeRegistryList(id: number, operator?: string): Promise<CompletedList>;
  /**
   * Removes numbers of lists that were replaced, or whose import was not completed before a later one, in steps.
   *
   * @param after `next` of the step before; '': the first step
   * @returns where the next step continues; undefined: this was the last
   */
  removeReplacedNumbers(after: string): Promise<{ next: string | undefined }>;
  /** Returns those of the numbers that are in the list of a registry that the type of one of the leads requires. */
  listedNumbers(leadIds: readonly string[], numbers: readonly string[]): Promise<ListedNumber[]>;
  /** Returns the registries whose lists in force contain a number. */
  registriesOf(mobile: string): Promise<RegistryListing[]>;
}
