/** The partners, lead types and grants of a store, without keys and limits. Members are named as columns. */
export interface Directory {
  partners: readonly { id: number; name: string; created_at: number }[];
  types: readonly {
    id: number;
    name: string;
    created_at: number;
    retired_at: number | null;
    /** 0 or 1. */
    withdraws: number;
  }[];
  /** Former names of lead types. */
  aliases: readonly { name: string; type_id: number; created_at: number }[];
  grants: readonly { partner_id: number; type_id: number; revoked_at: number | null }[];
}

/** Copies of partners, lead types and grants, so that test data have the ids and names of live data. */
export interface DirectoryCopies {
  /** Returns the partners, lead types and grants, in the order of their ids. */
  directory(): Promise<Directory>;
  /**
   * Makes this store contain a directory, with the same ids. Other partners and types stay under other names. The types
   * have no calling hours, registries and screening.
   *
   * @param recontactAfter re-contact period of all types (ms)
   */
  copyDirectory(directory: Directory, recontactAfter: number): Promise<void>;
}
