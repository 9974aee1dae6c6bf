/** Numbers of rows that were removed. */
export interface Pruned {
  submissions: number;
  cancellations: number;
  leads: number;
  attempts: number;
  /** Number of the removed leads whose phone number was replaced by a digest. */
  contacts: number;
  /** Number of delivered leads that were kept, with their numbers, because the store has no key for digests. */
  withoutKey: number;
}

/** Result of one step of removing delivered leads. */
export interface ContactStep {
  contacts: number;
  withoutKey: number;
  /** Position at which the next step continues; undefined: this was the last. */
  next: string | undefined;
}

/** Result of one step of pruning. */
export interface PruneStep extends Omit<Pruned, 'contacts' | 'withoutKey'> {
  /** Position at which the next step continues; undefined: this was the last. */
  next: string | undefined;
}

/** Maintenance of a store. */
export interface Maintenance {
  /**
   * Removes submissions and cancellations that were received before a time, with their re-runs, attempts, operators'
   * actions, and leads that nothing else needs. Scheduled and failed leads are kept complete, and delivered leads
   * without what was sent, until `pruneContacts`. One step reads a limited number of rows.
   *
   * @param before milliseconds since 1970
   * @param after `next` of the step before; '': the first step
   */
  prune(before: number, after: string): Promise<PruneStep>;
  /**
   * Replaces leads that were delivered before a time, and whose submissions are gone, by a digest of the person (see
   * `StoreKeyRecords.useKeys`), so that nobody is called twice. Without keys, it only counts them. Also removes digests
   * whose re-contact period has passed. One step reads a limited number of rows.
   *
   * @param before milliseconds since 1970
   * @param after `next` of the step before; '': the first step
   */
  pruneContacts(before: number, after: string): Promise<ContactStep>;
  /**
   * Counts the submissions and cancellations that `prune` would remove.
   *
   * @param before milliseconds since 1970
   */
  countPrunable(before: number): Promise<Pick<Pruned, 'submissions' | 'cancellations'>>;
  /**
   * Deletes a limited number of idempotency records that were made before a time, and returns their number. 0: none is
   * left.
   *
   * @param before milliseconds since 1970
   */
  deleteIdempotencyRecords(before: number): Promise<number>;
  /**
   * Copies the store to a new file while it is in use, and records when that succeeded.
   *
   * @returns why the time could not be recorded, although the backup is complete; undefined: it was
   * @throws {UserError} if this store does not support backups, or the file exists
   */
  backup(file: string): Promise<unknown>;
  /**
   * Returns when the last backup succeeded (ms since 1970). Undefined: none was recorded, or the store is backed up
   * with other tools.
   */
  lastBackupAt(): Promise<number | undefined>;
  /**
   * Releases free space of the store's files to the file system, in a small step, if there is much of it. Returns
   * whether there may be more; false if the store releases space automatically.
   */
  shrink(): Promise<boolean>;
  /**
   * Erases what removed rows have left in the store's files, in a small step. After the last step nothing of them can
   * be read there. Other calls continue between two steps.
   *
   * @param after result of the step before; 0: the first step
   * @returns position at which the next step continues; undefined: this was the last
   * @throws {UserError} if another process prevents it for too long
   */
  erase(after: number): Promise<number | undefined>;
  /**
   * Rewrites the store's files at their smallest size. Nothing can be written meanwhile.
   *
   * @throws {UserError} if this store does not support it
   */
  compact(): Promise<void>;
}
